//! Un TP entero y chico, escrito a mano: la memoria, la cpu y el kernel, que son servidores, y dos de ellos clientes de otro, cada uno con sus códigos, su
//! saludo y su archivo de configuración; en la memoria el código viaja en un byte. `tp0 probar` con el perfil tp, de los dos lados, sabe hablar con
//! todos; y entre ellos se entienden.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "pruebas")]

mod comun;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use comun::{Carpeta, PuertoLibre, correr, texto, tp0};
use serde_json::Value;

const MODULOS: [&str; 3] = ["memoria", "cpu", "kernel"];

fn fuentes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/tp")
}

/// Una carpeta con los tres módulos compilados en `bin` y sus archivos.
fn un_tp() -> Carpeta {
    let carpeta = Carpeta::nueva();
    let bin = carpeta.camino().join("bin");
    fs::create_dir(&bin).unwrap();
    for modulo in MODULOS {
        let salida = Command::new("cc")
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-pthread", "-o"])
            .arg(bin.join(modulo))
            .arg(fuentes().join(modulo).with_extension("c"))
            .output()
            .expect("para probar la herramienta hace falta un compilador de C (cc)");
        assert!(salida.status.success(), "{}", texto(&salida.stderr));
    }
    for archivo in fs::read_dir(fuentes()).unwrap().map(|entrada| entrada.unwrap().path()) {
        if archivo.extension().is_some_and(|extension| extension == "config" || extension == "toml") {
            fs::copy(&archivo, carpeta.camino().join(archivo.file_name().unwrap())).unwrap();
        }
    }
    carpeta
}

/// Lo que dice `tp0 probar`: cuántos bien, mal y sin probar, y el texto.
fn probar(carpeta: &Path, argumentos: &[&str], orden: &[&str]) -> (u64, u64, u64, String) {
    let json = carpeta.join("resultado.json");
    let mut probar = tp0(carpeta);
    probar.arg("probar").args(argumentos).arg("--json").arg(&json).arg("--").args(orden);
    let salida = correr(probar);
    let dicho = texto(&salida.stdout) + &texto(&salida.stderr);
    let leido: Value = serde_json::from_slice(&fs::read(&json).unwrap_or_else(|_| panic!("{dicho}"))).unwrap();
    let cuantos = |cual: &str| leido["resumen"][cual].as_u64().unwrap();
    assert_eq!(salida.status.code(), Some(i32::from(cuantos("mal") > 0)), "{dicho}");
    (cuantos("bien"), cuantos("mal"), cuantos("sin_probar"), dicho)
}

/// El `tp0.toml` que muestra la guía es el de esta memoria, y con él se prueban la memoria y su cliente.
#[test]
fn la_descripcion_de_la_guia_es_la_de_la_memoria() {
    let guia = fs::read_to_string(fuentes().join("../../../../docs/tp-entero.md")).unwrap();
    let toml = guia.split_once("```toml tp0\n").unwrap().1.split_once("```").unwrap().0;
    let carpeta = un_tp();
    fs::write(carpeta.camino().join("tp0.toml"), toml).unwrap();
    let (bien, mal, sin_probar, dicho) = probar(carpeta.camino(), &["servidor"], &["./bin/memoria", "memoria.config"]);
    assert!(bien >= 28 && mal == 0 && sin_probar <= 1, "{dicho}");
    // Un servidor no termina: de sus descriptores al final no se sabe.
    let (bien, mal, sin_probar, dicho) = probar(carpeta.camino(), &["cliente"], &["./bin/cpu", "cpu.config"]);
    assert!(bien >= 9 && mal == 0 && sin_probar <= 2, "{dicho}");
    // Descripta mal, se nota: el código no viaja en cuatro bytes, y el saludo no es otro.
    for mal_descripta in [["--codigo", "u32"], ["--handshake", "8"]] {
        let casos = ["servidor", "--caso", "S02,S03", "--espera", "500", mal_descripta[0], mal_descripta[1]];
        let (_, mal, _, dicho) = probar(carpeta.camino(), &casos, &["./bin/memoria", "memoria.config"]);
        assert!(mal > 0, "{mal_descripta:?}: {dicho}");
    }
}

/// Los que además son clientes de otro, con el otro levantado en la misma orden, como dice la guía.
#[test]
fn los_que_son_servidores_y_clientes() {
    let guia = fs::read_to_string(fuentes().join("../../../../docs/tp-entero.md")).unwrap();
    let memoria_y_cpu = "./bin/memoria memoria.config & exec ./bin/cpu cpu.config";
    assert!(guia.contains(&format!("tp0 probar servidor --descripcion cpu.toml -- sh -c '{memoria_y_cpu}'")));
    let los_tres = "./bin/memoria memoria.config & ./bin/cpu cpu.config & exec ./bin/kernel kernel.config";
    let carpeta = un_tp();
    for (descripcion, orden) in [("cpu.toml", memoria_y_cpu), ("kernel.toml", los_tres)] {
        let (bien, mal, _, dicho) =
            probar(carpeta.camino(), &["servidor", "--descripcion", descripcion], &["sh", "-c", orden]);
        assert!(bien >= 27 && mal == 0, "{dicho}");
    }
}

/// Un módulo corriendo, que se termina al soltarlo.
struct Modulo(Child);

impl Drop for Modulo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Una consola, que es `tp0 enviar`, le pide algo al kernel, que se lo pide a la cpu, que se lo pide a la memoria.
#[test]
fn los_tres_juntos() {
    let carpeta = un_tp();
    let en = carpeta.camino();
    // En lugar de los suyos.
    let tomados = MODULOS.map(|_| PuertoLibre::nuevo());
    for modulo in MODULOS {
        let archivo = en.join(modulo).with_extension("config");
        let mut config = fs::read_to_string(&archivo).unwrap();
        for (suyo, libre) in ["8002", "8003", "8001"].iter().zip(&tomados) {
            config = config.replace(suyo, &libre.numero);
        }
        fs::write(&archivo, config).unwrap();
    }
    let _modulos: Vec<Modulo> = MODULOS
        .iter()
        .map(|modulo| {
            let mut orden = Command::new(en.join("bin").join(modulo));
            Modulo(orden.arg(format!("{modulo}.config")).current_dir(en).stdin(Stdio::null()).spawn().unwrap())
        })
        .collect();
    let puerto = &tomados[2].numero;
    let hasta = Instant::now() + Duration::from_secs(60);
    let dicho = loop {
        let mut consola = tp0(en);
        consola.args(["enviar", "--handshake", "9", "127.0.0.1", puerto, "mensaje", "hola kernel", "codigo", "2"]);
        let mut consola = consola.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let salio = consola.wait().unwrap();
        let salida = consola.wait_with_output().unwrap();
        let dicho = texto(&salida.stdout) + &texto(&salida.stderr);
        if salio.success() || Instant::now() > hasta {
            break dicho;
        }
        // Los módulos se están levantando.
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(dicho.contains("proceso terminado"), "{dicho}");
    let registro = |modulo: &str| fs::read_to_string(en.join(modulo).with_extension("log")).unwrap();
    assert!(
        registro("kernel").contains("mensaje: hola kernel") && registro("kernel").contains("la cpu dijo: ejecutado")
    );
    assert!(registro("cpu").contains("la memoria dijo: OK"));
    assert!(registro("memoria").contains("mensaje: cpu lista") && registro("memoria").contains("valor: r1"));
}
