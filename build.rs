//! Dónde anda la biblioteca. Lo que la cara para C necesita y Cargo no sabe hacer está en `build/capi.rs`.
#![allow(clippy::print_stdout, reason = "así se le habla a Cargo")]

use std::env;
use std::error::Error;

#[cfg(feature = "capi")]
#[path = "build/capi.rs"]
mod capi;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(falta) = por_que_no_aca()? {
        // Y no con compile_error!, que deja seguir: se perdería entre todo lo demás que ahí no compila.
        println!("cargo::error={falta}");
        return Ok(());
    }
    #[cfg(feature = "capi")]
    capi::hacer()?;
    Ok(())
}

/// Por qué no anda donde se la quiere compilar.
fn por_que_no_aca() -> Result<Option<String>, Box<dyn Error>> {
    let cual = env::var("TARGET")?;
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(Some(format!(
            "libtp0 anda sólo en Linux, y {cual} no lo es: se apoya en llamadas y opciones de sockets que los demás sistemas no tienen."
        )));
    }
    if env::var("CARGO_CFG_TARGET_POINTER_WIDTH")? != "64" {
        return Ok(Some(format!(
            "libtp0 es para máquinas de 64 bits, y {cual} no lo es: las estructuras del TP0 tienen ahí otra forma. Probá con \
             --target x86_64-unknown-linux-gnu o aarch64-unknown-linux-gnu."
        )));
    }
    Ok(None)
}
