//! El interpositor, al lado de `tp0`: cargo no lo compila por correr las pruebas de la herramienta, que no lo enlaza.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "andamio de pruebas")]

use std::path::Path;
use std::process::Command;
use std::sync::Once;

/// Lo deja compilado. Una vez por proceso.
pub fn compilarlo() {
    static UNA_VEZ: Once = Once::new();
    UNA_VEZ.call_once(|| {
        let carpeta = Path::new(env!("CARGO_BIN_EXE_tp0")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .args(["build", "--quiet", "--package", "tp0-interposicion", "--target-dir"])
            .arg(carpeta.parent().unwrap());
        if carpeta.ends_with("release") {
            cargo.arg("--release");
        }
        let salida = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        assert!(salida.status.success(), "{}", String::from_utf8_lossy(&salida.stderr));
    });
}
