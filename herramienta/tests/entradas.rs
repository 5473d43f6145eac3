//! Lo que se le puede dar mal a `tp0`: un renglón en castellano, 2, y nada que quede corriendo.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "pruebas")]

mod comun;

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comun::{Carpeta, PuertoLibre, compilar, correr, que_no_quede_nada, texto, tp0};

/// Tiene que terminar con 2 y un solo renglón en la salida de errores, que diga eso.
fn rechazada(orden: Command, dice: &str) {
    let como = format!("{orden:?}");
    let salida = correr(orden);
    let error = texto(&salida.stderr);
    assert_eq!(salida.status.code(), Some(2), "{como}: {error}");
    assert_eq!(error.lines().count(), 1, "{como}: {error}");
    assert!(error.starts_with("tp0: ") && error.contains(dice), "{como}: {error}");
}

fn con(carpeta: &Carpeta, argumentos: &[&str]) -> Command {
    let mut orden = tp0(carpeta.camino());
    orden.args(argumentos);
    orden
}

#[test]
fn la_linea_de_ordenes() {
    let carpeta = Carpeta::nueva();
    for (argumentos, dice) in [
        (&["prubar"] as &[&str], "No conozco la orden «prubar». ¿Quisiste decir «probar»?"),
        (&["trazr"], "No conozco la orden «trazr». ¿Quisiste decir «trazar»?"),
        (&["probar", "./bin/server"], "Un programa va al final: tp0 probar servidor -- ./bin/server."),
        (&["probar", "servidor", "--prto", "1"], "No conozco «--prto»"),
        (&["probar", "servidor", "--puerto", "cien", "--", "true"], "«cien» no vale para «--puerto <N>»"),
        (
            &["probar", "servidor", "./bin/server"],
            "No conozco «./bin/server». El programa va al final, detrás de «--».",
        ),
        (&["probar", "servidor", "--puerto"], "le falta su valor"),
        (&["probar", "servidor", "--codigo", "u9", "--", "true"], "Puede ser: u8, u16, u32, u64."),
        (&["probar", "servidor"], "Falta el programa"),
        (&["probar", "servidor", "--caso", "S99", "--", "true"], "No hay un caso «S99»"),
        (&["probar", "servidor", "--puerto", "0", "--", "true"], "El puerto va de 1 a 65535"),
        (&["probar", "servidor", "--espera", "1", "--", "true"], "La espera va de 100"),
        (&["probar", "servidor", "--repetir", "0", "--", "true"], "--repetir va de 1 en adelante, y se pidió 0"),
        (&["probar", "servidor", "--handshake", "si", "--", "true"], "«si» no vale"),
    ] {
        rechazada(con(&carpeta, argumentos), dice);
    }
}

#[test]
fn la_ayuda_esta_en_castellano() {
    let carpeta = Carpeta::nueva();
    for argumentos in [
        &["--ayuda"] as &[&str],
        &["probar", "--ayuda"],
        &["probar", "servidor", "--ayuda"],
        &["probar", "cliente", "-h"],
    ] {
        let salida = correr(con(&carpeta, argumentos));
        let ayuda = texto(&salida.stdout);
        assert!(salida.status.success(), "{}", texto(&salida.stderr));
        assert!(ayuda.contains("Uso: tp0"), "{ayuda}");
        for ingles in
            ["Usage", "Options", "Commands", "Arguments", "Print help", "default:", "possible values", "aliases"]
        {
            assert!(!ayuda.contains(ingles), "{ingles}: {ayuda}");
        }
    }
}

#[test]
fn una_descripcion_que_no_sirve() {
    let carpeta = Carpeta::nueva();
    rechazada(con(&carpeta, &["probar", "servidor", "--mensaje", "1", "--", "true"]), "el código 1 es a la vez");
    rechazada(
        con(&carpeta, &["probar", "servidor", "--codigo", "u8", "--paquete", "300", "--", "true"]),
        "no entra en 1 byte",
    );
    rechazada(
        con(&carpeta, &["probar", "servidor", "--descripcion", "nada.toml", "--", "true"]),
        "No pude leer nada.toml: no existe.",
    );
    fs::write(carpeta.camino().join("tp0.toml"), "puerto = 5000\nperfil = \"otro\"\n").unwrap();
    rechazada(
        con(&carpeta, &["probar", "servidor", "--", "true"]),
        "tp0.toml, renglón 2: no entiendo «perfil = \"otro\"»: «perfil» es \"tp0\" o \"tp\", entre comillas.",
    );
}

#[test]
fn un_programa_que_no_se_puede_probar() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    compilar(carpeta.camino(), "cliente");
    let servidor = |argumentos: &[&str]| {
        let mut orden = con(&carpeta, &["probar", "servidor", "--espera", "700", "--"]);
        orden.args(argumentos);
        orden
    };
    rechazada(servidor(&["./no-esta"]), "No pude ejecutar «./no-esta»: no existe. ¿Compilaste?");
    rechazada(servidor(&["servidor"]), "No pude ejecutar «servidor»: no existe. ¿Quisiste decir «./servidor»?");
    rechazada(servidor(&["./servidor 4040"]), "no existe. La orden va sin comillas: -- ./servidor 4040");
    rechazada(servidor(&["."]), "No pude ejecutar «.»: es una carpeta. Decí cuál de sus programas");
    let bin = carpeta.camino().join("bin");
    fs::create_dir(&bin).unwrap();
    comun::ejecutables::copiar_programa(carpeta.camino().join("servidor"), bin.join("server"));
    rechazada(servidor(&["bin"]), "es una carpeta. ¿Quisiste decir «./bin/server»?");
    fs::write(carpeta.camino().join("servidor.config"), "PUERTO=4444\n").unwrap();
    rechazada(servidor(&["./servidor.config"]), "no hay permiso. ¿Es el ejecutable?");
    rechazada(servidor(&["true"]), "El programa terminó con 0 sin escuchar en el puerto 4444.");
    rechazada(servidor(&["sh", "-c", "kill -SEGV $$"]), "se cayó (SIGSEGV)");
    rechazada(servidor(&["./servidor", "nunca-escucha"]), "en 700 ms no escuchó en el puerto 4444");
    rechazada(
        servidor(&["./servidor", "otro-puerto"]),
        "escucha en el puerto 4555, y no en el 4444: probá con --puerto 4555",
    );
    rechazada(servidor(&["./servidor", "saludo-7"]), "rechazó el handshake 1, el de las guías: decí cuál es");
    let mut bajo = con(&carpeta, &["probar", "servidor", "--puerto", "80", "--espera", "700", "--"]);
    bajo.arg("false");
    rechazada(bajo, "los menores que 1024");
    let cliente = |falla: &str| con(&carpeta, &["probar", "cliente", "--espera", "700", "--", "./cliente", falla]);
    rechazada(cliente("no-se-conecta"), "El cliente terminó con 3 sin conectarse: ¿en su config");
    rechazada(cliente("se-cae-sin-conectarse"), "El cliente se cayó (SIGSEGV) sin haberse conectado");
    rechazada(
        cliente("otro-puerto"),
        "se quiso conectar a 127.0.0.1:4555; se esperaba 127.0.0.1:4444. Cambiá el puerto en su config, o probá con --puerto 4555.",
    );
    rechazada(
        cliente("otra-ip"),
        "se quiso conectar a 192.0.2.7:4444; se esperaba 127.0.0.1:4444. Cambiá la IP en su config.",
    );
    // Quien lo corre con un guion, y en la red de la máquina, también.
    let PuertoLibre { numero: libre, .. } = &PuertoLibre::nuevo();
    let opciones = ["probar", "cliente", "--sin-aislar", "--puerto", libre, "--espera", "700", "--", "sh", "-c"];
    let mut guion = con(&carpeta, &opciones);
    guion.arg("./cliente otro-puerto; exit 3");
    let se_dice = format!("sin conectarse: se quiso conectar a 127.0.0.1:4555; se esperaba 127.0.0.1:{libre}.");
    rechazada(guion, &se_dice);
    rechazada(
        con(&carpeta, &["probar", "servidor", "--json", "/proc/no.json", "--", "true"]),
        "No pude escribir /proc/no.json",
    );
}

#[test]
fn un_puerto_tomado_dice_por_quien() {
    let carpeta = Carpeta::nueva();
    let tomado = TcpListener::bind("127.0.0.1:0").unwrap();
    let puerto = tomado.local_addr().unwrap().port().to_string();
    let yo = format!("El puerto {puerto} lo tiene el proceso {} (", std::process::id());
    rechazada(con(&carpeta, &["probar", "servidor", "--sin-aislar", "--puerto", &puerto, "--", "true"]), &yo);
}

/// Un programa que muestra mucho, uno que ignora SIGTERM y uno que deja un nieto en otra sesión: se prueban igual, y no queda nada.
#[test]
fn los_que_se_portan_mal_se_prueban_y_se_terminan() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    for falla in ["inunda", "ignora-sigterm", "deja-un-nieto"] {
        // Con la memoria contada: lo que el programa muestra no se guarda todo.
        let mut orden = Command::new("sh");
        orden.current_dir(carpeta.camino()).arg("-c").arg(format!(
            "ulimit -v 700000; exec '{}' probar servidor --espera 10000 --caso S03 -- ./servidor {falla}",
            env!("CARGO_BIN_EXE_tp0")
        ));
        let salida = correr(orden);
        // El que muestra sin parar deja de hacerlo cuando se va su cliente, que es cuando termina: puede haber girado antes, o no.
        let esperados: &[i32] = if falla == "inunda" { &[0, 1] } else { &[0] };
        let codigo = salida.status.code().unwrap();
        assert!(esperados.contains(&codigo), "{falla}: {}{}", texto(&salida.stdout), texto(&salida.stderr));
        assert!(salida.stdout.len() < 4096, "{falla}: lo que se cuenta tiene un tope");
    }
}

/// Interrumpida, o muerta sin aviso, la herramienta no deja nada: ni siquiera a quien se fue a otra sesión.
#[test]
fn si_la_herramienta_se_muere_no_queda_nada() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    for senial in ["-INT", "-KILL"] {
        let mut orden = con(
            &carpeta,
            &["probar", "servidor", "--espera", "30000", "--", "./servidor", "nunca-escucha", "deja-un-nieto"],
        );
        let mut hijo = orden.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let hasta = Instant::now() + Duration::from_secs(20);
        while comun::quedaron(hijo.id()).len() < 2 {
            assert!(Instant::now() < hasta, "el programa no arrancó");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(Command::new("kill").args([senial, &hijo.id().to_string()]).status().unwrap().success());
        hijo.wait().unwrap();
        que_no_quede_nada(hijo.id());
    }
}

/// Lo que el programa escribe en su carpeta no queda, y la herramienta no escribe nada.
#[test]
fn la_carpeta_queda_como_estaba() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    let aislada = correr(con(&carpeta, &["probar", "servidor", "--caso", "S03,S04", "--", "./servidor", "a-un-log"]));
    assert!(aislada.status.success(), "{}", texto(&aislada.stdout));
    let hay: Vec<String> =
        fs::read_dir(carpeta.camino()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    if texto(&aislada.stdout).contains("en una copia de la carpeta") {
        assert_eq!(hay, ["servidor"]);
    } else {
        eprintln!("saltada: el sistema no deja hacer una copia de la carpeta");
        assert!(std::env::var_os("CI").is_none(), "en CI no se saltea");
    }
}

/// Un programa que no contesta el handshake, o no muestra los textos, falla en su caso y nada más: en los otros no se puede saber.
#[test]
fn lo_que_nunca_hace_se_dice_una_vez() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    for (falla, caso) in [("mudo", "S02"), ("no-muestra", "S03")] {
        let mut orden =
            con(&carpeta, &["probar", "servidor", "--espera", "500", "--handshake", "1", "--json", "r.json"]);
        orden.args(["--caso", "S02,S03,S05,S07", "--", "./servidor", falla]);
        let salida = correr(orden);
        assert_eq!(salida.status.code(), Some(1), "{}", texto(&salida.stderr));
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
        let mal: Vec<&str> = json["casos"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["resultado"] == "pierde")
            .map(|c| c["caso"].as_str().unwrap())
            .collect();
        assert_eq!(mal, [caso], "{falla}: {json}");
    }
}

/// El programa que corre un guion de shell también se ve caer.
#[test]
fn un_guion_que_lo_corre_no_tapa_la_caida() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    fs::write(carpeta.camino().join("correr.sh"), "./servidor cree-el-largo\nexit $?\n").unwrap();
    let salida = correr(con(&carpeta, &["probar", "servidor", "--caso", "S11", "--", "sh", "correr.sh"]));
    assert!(
        texto(&salida.stdout).contains("S11  se cae       largo de un valor enorme (SIGSEGV)"),
        "{}",
        texto(&salida.stdout)
    );
}

/// El JSON tiene exactamente las claves que se documentan, y el JUnit es XML y cuenta lo mismo.
#[test]
fn las_formas_para_otros_programas() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    let mut orden =
        con(&carpeta, &["probar", "servidor", "--caso", "s03,S09,S24", "--json", "r.json", "--junit", "r.xml", "--"]);
    orden.args(["./servidor", "cree-el-tamanio", "<&\"raro\">"]);
    assert_eq!(correr(orden).status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
    let claves = |valor: &serde_json::Value| valor.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut de_afuera = claves(&json);
    de_afuera.sort();
    assert_eq!(de_afuera, ["casos", "lado", "observaciones", "programa", "resumen"]);
    assert_eq!(json["lado"], "servidor");
    assert_eq!(json["programa"], serde_json::json!(["./servidor", "cree-el-tamanio", "<&\"raro\">"]));
    assert_eq!(json["resumen"], serde_json::json!({"bien": 1, "mal": 1, "sin_probar": 1}));
    let mut de_un_caso = claves(&json["casos"][1]);
    de_un_caso.sort();
    assert_eq!(
        de_un_caso,
        ["arreglo", "caso", "causa", "detalle", "duracion_ms", "enviado", "guia", "resultado", "titulo"]
    );
    let (bien, mal) = (&json["casos"][0], &json["casos"][1]);
    assert_eq!((&mal["resultado"], &mal["detalle"]), (&"se cae".into(), &"SIGSEGV".into()));
    assert_eq!(mal["enviado"][1], "un mensaje con tamaño -1: 00 00 00 00 ff ff ff ff (8 bytes)");
    assert_eq!(mal["causa"], "el tamaño se usa en malloc y recv sin mirar que no sea negativo");
    assert_eq!(mal["arreglo"], "si el tamaño es negativo o mayor que un tope tuyo, cerrá la conexión");
    assert!(mal["guia"].as_str().unwrap().ends_with("https://docs.utnso.com.ar/guias/linux/serializacion"));
    assert!(bien["causa"].is_null() && bien["arreglo"].is_null() && bien["enviado"][0].is_string(), "{bien}");
    let xml = fs::read_to_string(carpeta.camino().join("r.xml")).unwrap();
    let xml = roxmltree::Document::parse(&xml).unwrap();
    let falla = xml.descendants().find(|nodo| nodo.has_tag_name("failure")).unwrap().text().unwrap();
    assert!(falla.contains("Causa probable") && !falla.contains("[1m"), "{falla}");
    let cuantos = |nombre: &str| xml.descendants().filter(|nodo| nodo.has_tag_name(nombre)).count();
    assert_eq!((cuantos("testcase"), cuantos("failure"), cuantos("skipped")), (3, 1, 1));
}

/// La guía tiene todos los casos, con los textos de «--lista».
#[test]
fn la_guia_tiene_todos_los_casos() {
    let carpeta = Carpeta::nueva();
    let guia = fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/probar.md")).unwrap();
    for lado in ["servidor", "cliente"] {
        let lista = texto(&correr(con(&carpeta, &["probar", lado, "--lista"])).stdout);
        let renglones: Vec<&str> = lista.lines().collect();
        for par in renglones.chunks(2) {
            let (numero, titulo) = par[0].split_once("  ").unwrap();
            let fila = format!("| {numero} | {titulo} | {} |", par[1].trim());
            assert!(guia.contains(&fila), "docs/probar.md no tiene: {fila}");
        }
    }
}

/// El `tp0.toml` de la guía se acepta, y su tabla de muchos programas sale como se la muestra.
#[test]
fn lo_que_muestra_la_guia_anda() {
    let carpeta = Carpeta::nueva();
    let guia = fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/probar.md")).unwrap();
    let bloque = |lenguaje: &str| {
        let resto = guia.split_once(&format!("```{lenguaje}\n")).unwrap().1;
        resto.split_once("```").unwrap().0.to_owned()
    };
    let descripto = Carpeta::nueva();
    fs::write(descripto.camino().join("tp0.toml"), bloque("toml")).unwrap();
    let salida = correr(con(&descripto, &["probar", "servidor", "--caso", "S01", "--", "./no-existe"]));
    assert!(texto(&salida.stderr).contains("no-existe"), "{}", texto(&salida.stderr));

    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("salteada: no está jq");
        assert!(std::env::var_os("CI").is_none(), "en CI no se saltea");
        return;
    }
    // Uno que no compiló: no tiene programa.
    fs::create_dir_all(carpeta.camino().join("grupos/tres")).unwrap();
    for (grupo, falla) in [("uno", ""), ("dos", "cree-el-tamanio")] {
        let bin = carpeta.camino().join("grupos").join(grupo).join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::rename(compilar(&bin, "servidor"), bin.join("con-fallas")).unwrap();
        fs::write(bin.join("server"), format!("#!/bin/sh\nexec ./bin/con-fallas {falla}\n")).unwrap();
        Command::new("chmod").arg("+x").arg(bin.join("server")).status().unwrap();
    }
    let mut orden = Command::new("sh");
    let pocos = bloque("sh").replace("probar servidor", "probar servidor --caso S03,S09");
    let camino = std::path::Path::new(env!("CARGO_BIN_EXE_tp0")).parent().unwrap().display().to_string();
    orden.args(["-c", &pocos]).current_dir(carpeta.camino()).stdin(Stdio::null());
    orden.env("PATH", format!("{camino}:{}", std::env::var("PATH").unwrap()));
    let salida = orden.output().unwrap();
    let esperado = "grupos/dos/resultado.json\t1\t1\tS09\n\
        grupos/tres/resultado.json\t-\t-\tNo pude ejecutar «./bin/server»: no existe. ¿Compilaste? ¿Estás en la carpeta del programa?\n\
        grupos/uno/resultado.json\t2\t0\t\n";
    assert_eq!(texto(&salida.stdout), esperado, "{}", texto(&salida.stderr));
}

/// Con colores en una terminal, y sin ellos con NO_COLOR o en un tubo.
#[test]
fn los_colores_son_para_una_terminal() {
    let carpeta = Carpeta::nueva();
    let en_un_tubo = correr(con(&carpeta, &["probar", "servidor", "--lista"]));
    assert!(!en_un_tubo.stdout.contains(&0x1b));
    let en_terminal = |no_color: bool| {
        let mut orden = Command::new("script");
        orden.args(["-qec", &format!("'{}' probar servidor --lista", env!("CARGO_BIN_EXE_tp0")), "/dev/null"]);
        orden.current_dir(carpeta.camino()).env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
        if no_color {
            orden.env("NO_COLOR", "1");
        }
        orden.output().expect("hace falta script (util-linux o bsdutils)").stdout
    };
    assert!(en_terminal(false).contains(&0x1b));
    assert!(!en_terminal(true).contains(&0x1b));
}

/// Con `--valgrind`, cada caso cuenta los errores de memcheck de sus corridas, con el renglón del programa.
#[test]
fn valgrind_cuenta_por_caso() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("saltada: no está valgrind");
        assert!(std::env::var_os("CI").is_none(), "en CI no se saltea");
        return;
    }
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    let casos = "S03,S11,S13";
    let mut orden = con(&carpeta, &["probar", "servidor", "--valgrind", "--caso", casos, "--json", "r.json", "--"]);
    orden.args(["./servidor", "cree-el-largo"]);
    let salida = correr(orden);
    assert!([Some(0), Some(1)].contains(&salida.status.code()), "{}{}", texto(&salida.stdout), texto(&salida.stderr));
    let json: serde_json::Value = serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
    let observaciones: Vec<&str> =
        json["observaciones"].as_array().unwrap().iter().map(|o| o.as_str().unwrap()).collect();
    assert!(
        observaciones.iter().any(|o| o.starts_with("S13: memcheck: Invalid read") && o.contains("(servidor.c:")),
        "{observaciones:?}"
    );
    assert!(!observaciones.iter().any(|o| o.contains("S03")), "{observaciones:?}");
    // Copiar 2 GiB de más, con cada error contado, tarda minutos: eso no es girar.
    assert_eq!((&json["casos"][0]["resultado"], &json["casos"][2]["resultado"]), (&"bien".into(), &"bien".into()));
    assert_ne!(json["casos"][1]["resultado"], "gira", "{json}");
    assert_ne!(json["casos"][1]["resultado"], "bien", "{json}");
    assert!(
        observaciones.iter().any(|o| o.contains("S11") && o.contains("memcheck: Invalid read")),
        "{observaciones:?}"
    );
}

/// `--repetir` encuentra lo que falla a veces: queda la peor.
#[test]
fn repetir_se_queda_con_la_peor() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    // De las tres veces, la segunda: cuenta las corridas en un archivo de afuera, que no se copia con la carpeta.
    let cuenta = Carpeta::nueva();
    let guion = format!(
        "echo x >> '{0}'; [ \"$(wc -l < '{0}')\" = 3 ] && exec ./servidor cae-con-vacio; exec ./servidor\n",
        cuenta.camino().join("corridas").display()
    );
    fs::write(carpeta.camino().join("correr.sh"), guion).unwrap();
    let salida =
        correr(con(&carpeta, &["probar", "servidor", "--repetir", "3", "--caso", "S19", "--", "sh", "correr.sh"]));
    let contado = texto(&salida.stdout);
    // La primera corrida es la que averigua el handshake.
    assert!(contado.contains("(SIGFPE; falló 1 de 3)"), "{contado}");
}

/// Donde no hay resultado, el archivo dice por qué: ni vacío, ni el de la vez pasada. También si a la herramienta la matan.
#[test]
fn sin_resultado_el_archivo_dice_por_que() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    let leer = || {
        let json = fs::read(carpeta.camino().join("r.json")).unwrap();
        let xml = fs::read_to_string(carpeta.camino().join("r.xml")).unwrap();
        let xml = roxmltree::Document::parse(&xml).unwrap();
        let error = xml.descendants().find(|nodo| nodo.has_tag_name("error")).unwrap().text().unwrap().to_owned();
        assert_eq!(
            xml.descendants().find(|nodo| nodo.has_tag_name("testsuite")).unwrap().attribute("errors"),
            Some("1")
        );
        (serde_json::from_slice::<serde_json::Value>(&json).unwrap(), error)
    };
    let archivos = ["--json", "r.json", "--junit", "r.xml"];
    for (lado, programa, dice) in [
        ("servidor", "./no-esta", "No pude ejecutar «./no-esta»: no existe. ¿Compilaste?"),
        ("cliente", "true", "El cliente terminó con 0 sin conectarse"),
    ] {
        fs::write(carpeta.camino().join("r.json"), "el de la vez pasada").unwrap();
        let mut orden = con(&carpeta, &["probar", lado]);
        rechazada(
            {
                orden.args(archivos).args(["--", programa]);
                orden
            },
            dice,
        );
        let (json, error) = leer();
        assert_eq!(json.as_object().unwrap().len(), 1, "{json}");
        assert!(json["error"].as_str().unwrap().starts_with(dice) && error.starts_with(dice), "{json} {error}");
    }
    let mut orden = con(&carpeta, &["probar", "servidor", "--espera", "30000"]);
    orden.args(archivos).args(["--", "./servidor", "nunca-escucha"]);
    let mut hijo = orden.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let hasta = Instant::now() + Duration::from_secs(20);
    while comun::quedaron(hijo.id()).is_empty() {
        assert!(Instant::now() < hasta, "el programa no arrancó");
        std::thread::sleep(Duration::from_millis(10));
    }
    hijo.kill().unwrap();
    hijo.wait().unwrap();
    que_no_quede_nada(hijo.id());
    assert_eq!(leer().0["error"], "La prueba no llegó a terminar.");
}

/// Con el disco lleno: un renglón, 2, y nada que quede corriendo. El resultado, y lo que se muestra.
#[test]
fn con_el_disco_lleno() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    for opcion in ["--json", "--junit"] {
        let orden = con(&carpeta, &["probar", "servidor", opcion, "/dev/full", "--caso", "S03", "--", "./servidor"]);
        rechazada(orden, "No pude escribir /dev/full: el disco está lleno.");
    }
    for caso in ["S03", "S24"] {
        let mut orden = con(&carpeta, &["probar", "servidor", "--caso", caso, "--", "./servidor"]);
        let lleno = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let hijo = orden.stdout(lleno).stderr(Stdio::piped()).spawn().unwrap();
        let pid = hijo.id();
        let salida = hijo.wait_with_output().unwrap();
        que_no_quede_nada(pid);
        assert_eq!(salida.status.code(), Some(2));
        assert_eq!(texto(&salida.stderr), "tp0: No pude escribir el resultado: el disco está lleno.\n");
    }
    // A quien no lee más, en cambio, no se le reclama.
    let mut orden = Command::new("sh");
    orden.current_dir(carpeta.camino());
    orden.args([
        "-c",
        "'$0' probar servidor --lista | true".replace("'$0'", "\"$0\"").as_str(),
        env!("CARGO_BIN_EXE_tp0"),
    ]);
    assert!(orden.output().unwrap().stderr.is_empty());
}

/// Un TP0 probado como si fuera un módulo de un TP: la causa se dice una vez, en S24, y lo que depende de ella no se cuenta.
#[test]
fn uno_que_atiende_a_un_solo_cliente_falla_una_vez() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    for (argumentos, resultado, dice) in [
        (&["./servidor"] as &[&str], "se cae", "terminó, con 0, cuando se fue el cliente 1"),
        (&["./servidor", "sale-con-uno"], "se cae", "terminó, con 1, cuando se fue el cliente 1"),
        (&["./servidor", "muchos", "atiende-a-uno", "y-se-queda"], "pierde", "con el cliente 2 de 3"),
    ] {
        let mut orden =
            con(&carpeta, &["probar", "servidor", "--perfil", "tp", "--espera", "2000", "--json", "r.json", "--"]);
        orden.args(argumentos);
        let salida = correr(orden);
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
        let casos = json["casos"].as_array().unwrap();
        let mal: Vec<_> =
            casos.iter().filter(|c| !["bien", "no se probó"].contains(&c["resultado"].as_str().unwrap())).collect();
        let [s24] = mal.as_slice() else { panic!("{argumentos:?}: {}", texto(&salida.stdout)) };
        assert_eq!((&s24["caso"], &s24["resultado"]), (&"S24".into(), &resultado.into()));
        assert!(s24["detalle"].as_str().unwrap().contains(dice), "{s24}");
        assert!(s24["causa"].as_str().unwrap().contains("cuando se va su primer cliente"), "{s24}");
        let sin_probar: Vec<&str> =
            casos.iter().filter(|c| c["resultado"] == "no se probó").map(|c| c["detalle"].as_str().unwrap()).collect();
        assert!(sin_probar.len() >= 10 && sin_probar.iter().all(|d| d.starts_with("depende de S24")), "{sin_probar:?}");
    }
}

/// Un while que muestra sin parar gira en todos los casos en que se va su cliente, aunque corran varios a la vez y cada uno consiga una parte
/// de un procesador.
#[test]
fn el_que_muestra_sin_parar_gira_en_todos_los_casos() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "servidor");
    let mut orden = con(&carpeta, &["probar", "servidor", "--espera", "1000", "--json", "r.json", "--"]);
    orden.args(["./servidor", "gira-mostrando"]);
    let salida = correr(orden);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
    // En los demás no llega a irse ningún cliente, o el programa lo corta antes: S09 a S13.
    for caso in ["S03", "S04", "S05", "S06", "S07", "S08", "S16", "S17"] {
        let visto = json["casos"].as_array().unwrap().iter().find(|c| c["caso"] == caso).unwrap();
        assert_eq!(visto["resultado"], "gira", "{caso}: {visto} {}", texto(&salida.stdout));
    }
}

/// Lo que manda un cliente y no se entiende se dice en C01, y lo que depende de eso no se cuenta.
#[test]
fn un_cliente_que_no_se_entiende_falla_una_vez() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "cliente");
    for (falla, esperado) in [
        ("saludo-de-8", "pierde"),
        ("saludo-de-1", "pierde"),
        ("tamanio-de-8", "pierde"),
        ("no-manda-nada", "no se probó"),
    ] {
        let mut orden = con(&carpeta, &["probar", "cliente", "--espera", "500", "--json", "r.json", "--", "./cliente"]);
        orden.arg(falla);
        let salida = correr(orden);
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(carpeta.camino().join("r.json")).unwrap()).unwrap();
        let casos = json["casos"].as_array().unwrap();
        assert_eq!(casos[0]["resultado"], esperado, "{falla}: {}", texto(&salida.stdout));
        assert!(
            casos[0]["detalle"].as_str().unwrap().contains("se e"),
            "dice qué se esperaba o cómo se entiende: {}",
            casos[0]
        );
        for caso in &casos[1..] {
            let dice = caso["detalle"].as_str().unwrap();
            assert!(["bien", "no se probó"].contains(&caso["resultado"].as_str().unwrap()), "{falla}: {caso}");
            assert!(caso["resultado"] == "bien" || dice.starts_with("depende de C01"), "{falla}: {caso}");
        }
        for caso in ["C08", "C10"] {
            let visto = casos.iter().find(|c| c["caso"] == caso).unwrap();
            assert_eq!(visto["resultado"], "no se probó", "{falla}: {visto}");
        }
    }
}

/// A quien rechazan y sigue como si nada se le dice, y no es una falla; al que se entera, no.
#[test]
fn seguir_despues_del_rechazo_es_una_observacion() {
    let carpeta = Carpeta::nueva();
    compilar(carpeta.camino(), "cliente");
    for (falla, se_dice) in [("ignora-el-rechazo", true), ("lee-respuesta", false)] {
        let salida = correr(con(&carpeta, &["probar", "cliente", "--caso", "C06", "--", "./cliente", falla]));
        let contado = texto(&salida.stdout);
        assert!(salida.status.success(), "{contado}");
        let dice = "C06: le contestaron -1 al handshake y siguió como si nada: mandó 00 00 00 00 05 00 00 00 68";
        assert_eq!(contado.contains(dice), se_dice, "{contado}");
    }
}

/// El workflow de la guía, paso por paso, en una máquina que no lo tiene instalado: con un .deb como el que hace `make deb`, y sin tocar ésta
/// (que ese paquete se instala de verdad lo prueba tests/distribucion.rs).
#[test]
fn el_workflow_de_la_guia_anda() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        eprintln!("saltada: no está dpkg-deb");
        assert!(std::env::var_os("CI").is_none(), "en CI no se saltea");
        return;
    }
    let raiz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guia = fs::read_to_string(raiz.join("docs/probar.md")).unwrap();
    let yaml = guia.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    let pasos: Vec<&str> = yaml.lines().filter_map(|renglon| renglon.trim().strip_prefix("- run: ")).collect();
    let [instalar, compilar_el_suyo, probar] = pasos.as_slice() else { panic!("{pasos:?}") };
    assert!(
        !pasos.iter().any(|paso| paso.contains(": ") || paso.contains(" #")),
        "en YAML eso es otra cosa: {pasos:?}"
    );
    let control = fs::read_to_string(raiz.join("paquetes/debian/control")).unwrap();
    assert!(control.lines().any(|renglon| renglon == "Package: tp0"), "el paquete se llama como dice el paso");

    let carpeta = Carpeta::nueva();
    let en = |camino: &str| carpeta.camino().join(camino);
    for nueva in ["paquete/DEBIAN", "paquete/usr/bin", "repo/.github", "repo/server/bin", "falsos", "sistema"] {
        fs::create_dir_all(en(nueva)).unwrap();
    }
    comun::ejecutables::copiar_programa(env!("CARGO_BIN_EXE_tp0"), en("paquete/usr/bin/tp0"));
    let control = "Package: tp0\nVersion: 0.1.0-1\nArchitecture: all\nMaintainer: nadie <n@n>\nDescription: prueba\n";
    fs::write(en("paquete/DEBIAN/control"), control).unwrap();
    let mut empaquetar = Command::new("dpkg-deb");
    empaquetar
        .args(["--build", "-Znone", "--root-owner-group"])
        .arg(en("paquete"))
        .arg(en("repo/.github/tp0_0.1.0-1_all.deb"));
    assert!(empaquetar.output().unwrap().status.success());
    // sudo y apt-get, que instalan en una carpeta.
    fs::write(en("falsos/sudo"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
    let apt = format!(
        "#!/bin/sh\n[ \"$1\" = update ] && exit 0\n[ \"$1 $2 $#\" = 'install -y 3' ] && exec dpkg -x \"$3\" '{}'\nexit 9\n",
        en("sistema").display()
    );
    fs::write(en("falsos/apt-get"), apt).unwrap();
    for falso in ["sudo", "apt-get"] {
        Command::new("chmod").arg("+x").arg(en("falsos").join(falso)).status().unwrap();
    }
    let fuente = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/servidor.c");
    fs::write(en("repo/server/makefile"), format!("bin/server:\n\tcc -pthread -o $@ '{}'\n", fuente.display()))
        .unwrap();
    let paso = |guion: &str| {
        let mut orden = Command::new("bash");
        let camino = [en("falsos"), en("sistema/usr/bin")].map(|camino| camino.display().to_string()).join(":");
        orden.args(["-e", "-c", guion]).current_dir(en("repo")).env("NO_COLOR", "1").stdin(Stdio::null());
        orden.env("PATH", format!("{camino}:{}", std::env::var("PATH").unwrap()));
        correr(orden)
    };
    for guion in [instalar, compilar_el_suyo] {
        let salida = paso(guion);
        assert!(salida.status.success(), "{guion}: {}{}", texto(&salida.stdout), texto(&salida.stderr));
    }
    // El programa sano y uno con una falla: el paso anda, o falla.
    let con_caso = |mas: &str| probar.replace("probar servidor", "probar servidor --caso S03,S09").to_owned() + mas;
    for (mas, codigo, fallas) in [("", 0, "0"), (" cree-el-tamanio", 1, "1")] {
        let salida = paso(&con_caso(mas));
        assert_eq!(salida.status.code(), Some(codigo), "{}{}", texto(&salida.stdout), texto(&salida.stderr));
        let xml = fs::read_to_string(en("repo/resultado.xml")).unwrap();
        let xml = roxmltree::Document::parse(&xml).unwrap();
        let suite = xml.descendants().find(|nodo| nodo.has_tag_name("testsuite")).unwrap();
        assert_eq!((suite.attribute("tests"), suite.attribute("failures")), (Some("2"), Some(fallas)));
    }
}
