//! Lo que trae `c_examples/.vscode`: las tareas y los programas para depurar existen y andan, con las variables de VS Code reemplazadas por
//! esta prueba. Lo que no se prueba es el propio VS Code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::comun::{
    PLAZO, Proceso, Salida, dir_biblioteca, ejecutar, escuchando, esperar_que, exigir, orden, puerto_libre, raiz,
    ruta_nueva,
};

const CARPETA: &str = "c_examples/.vscode";

/// Lo que jq saca de un archivo: un renglón por resultado.
fn jq(archivo: &str, filtro: &str) -> Vec<String> {
    let dicho = ejecutar(Command::new("jq").args(["-r", filtro]).arg(raiz().join(CARPETA).join(archivo)));
    dicho.lines().map(str::to_owned).collect()
}

/// Una tarea, o un programa para depurar.
#[derive(Debug, Clone)]
struct Tarea {
    nombre: String,
    tipo: String,
    programa: String,
    argumentos: Vec<String>,
    carpeta: String,
    entorno: Vec<(String, String)>,
    antes: String,
}

/// Las que da un filtro de jq: nombre, tipo, programa, carpeta, lo que va antes, argumentos y entorno.
fn tareas(archivo: &str, cuales: &str, campos: &str) -> BTreeMap<String, Tarea> {
    // Un renglón por tarea, con separadores que ningún valor tiene.
    let filtro = format!(
        "{cuales} | [{campos}] | map(if type == \"array\" then join(\"\\u001e\") else . // \"\" end) | join(\"\\u001f\")"
    );
    let partir = |texto: &str| -> Vec<String> {
        if texto.is_empty() { Vec::new() } else { texto.split('\u{1e}').map(str::to_owned).collect() }
    };
    let todas: Vec<Tarea> = jq(archivo, &filtro)
        .iter()
        .map(|linea| {
            let campos: Vec<&str> = linea.split('\u{1f}').collect();
            let entorno = partir(campos[6]);
            Tarea {
                nombre: campos[0].to_owned(),
                tipo: campos[1].to_owned(),
                programa: campos[2].to_owned(),
                carpeta: campos[3].to_owned(),
                antes: campos[4].to_owned(),
                argumentos: partir(campos[5]),
                entorno: entorno
                    .iter()
                    .map(|una| una.split_once('=').unwrap())
                    .map(|(a, b)| (a.to_owned(), b.to_owned()))
                    .collect(),
            }
        })
        .collect();
    let cuantas = todas.len();
    let por_nombre: BTreeMap<_, _> = todas.into_iter().map(|una| (una.nombre.clone(), una)).collect();
    assert_eq!(por_nombre.len(), cuantas, "{archivo}: hay nombres repetidos");
    por_nombre
}

fn tareas_de_correr() -> BTreeMap<String, Tarea> {
    let entorno = ".options.env // {} | to_entries | map(\"\\(.key)=\\(.value)\")";
    tareas(
        "tasks.json",
        ".tasks[]",
        &format!(".label, .type, .command, .options.cwd, .dependsOn, .args // [], ({entorno})"),
    )
}

fn programas_para_depurar() -> BTreeMap<String, Tarea> {
    let entorno = ".environment | map(\"\\(.name)=\\(.value)\")";
    tareas(
        "launch.json",
        ".configurations[]",
        &format!(".name, .type, .program, .cwd, .preLaunchTask, .args, ({entorno})"),
    )
}

/// Una copia de los ejemplos, abierta como si fuera la carpeta de VS Code, con un puerto suyo.
struct Espacio {
    carpeta: PathBuf,
    instalada: PathBuf,
    puerto: u16,
}

impl Espacio {
    fn nuevo() -> Self {
        let repositorio = ruta_nueva("repositorio");
        let (carpeta, instalada) = (repositorio.join("c_examples"), repositorio.join("instalada"));
        fs::create_dir_all(&carpeta).unwrap();
        fs::create_dir_all(repositorio.join("target")).unwrap();
        fs::create_dir_all(&instalada).unwrap();
        symlink(raiz().join("include"), repositorio.join("include")).unwrap();
        symlink(raiz().join("include"), instalada.join("include")).unwrap();
        symlink(dir_biblioteca(), repositorio.join("target/release")).unwrap();
        symlink(dir_biblioteca(), instalada.join("lib")).unwrap();
        let puerto = puerto_libre();
        for archivo in
            fs::read_dir(raiz().join("c_examples")).unwrap().map(Result::unwrap).filter(|uno| uno.path().is_file())
        {
            fs::copy(archivo.path(), carpeta.join(archivo.file_name())).unwrap();
        }
        let config = fs::read_to_string(carpeta.join("cliente.config")).unwrap();
        fs::write(carpeta.join("cliente.config"), config.replace("PUERTO=4444", &format!("PUERTO={puerto}"))).unwrap();
        Self { carpeta, instalada, puerto }
    }

    /// Lo que haría VS Code con las variables. Una que no conoce es una falla.
    fn reemplazar(&self, texto: &str) -> String {
        let reemplazado = texto
            .replace("${workspaceFolder}", self.carpeta.to_str().unwrap())
            .replace("${config:tp0.puerto}", &self.puerto.to_string())
            .replace("${config:tp0.instalada}", self.instalada.to_str().unwrap())
            .replace("${input:nombre}", "ana");
        assert!(!reemplazado.contains("${"), "una variable que esta prueba no conoce: {texto}");
        reemplazado
    }

    fn orden(&self, tarea: &Tarea) -> Command {
        let programa = self.reemplazar(&tarea.programa);
        let mut orden = match tarea.tipo.as_str() {
            "process" | "cppdbg" => orden(programa),
            "shell" => {
                let mut sh = orden("bash");
                sh.args(["-c", &programa]);
                sh
            }
            otro => panic!("{}: el tipo {otro}", tarea.nombre),
        };
        orden
            .args(tarea.argumentos.iter().map(|uno| self.reemplazar(uno)))
            .current_dir(self.reemplazar(&tarea.carpeta));
        orden.envs(tarea.entorno.iter().map(|(variable, valor)| (variable, self.reemplazar(valor))));
        // La biblioteca de esta compilación, en lugar de volver a compilarla con cargo.
        if tarea.programa == "make" {
            orden.env("LIBDIR", dir_biblioteca());
        }
        orden
    }

    fn hacer(&self, tarea: &Tarea) -> Salida {
        let salida = Proceso::lanzar(self.orden(tarea)).terminar(PLAZO * 4);
        salida.exigir_exito(&tarea.nombre);
        salida
    }

    fn servidor(&self, tarea: &Tarea) -> Proceso {
        let servidor = Proceso::lanzar(self.orden(tarea));
        esperar_que(&tarea.nombre, PLAZO * 2, || escuchando(self.puerto));
        servidor
    }
}

#[test]
fn los_archivos_son_json_y_lo_que_nombran_existe() {
    if !exigir("jq") {
        return;
    }
    for archivo in ["tasks.json", "launch.json", "c_cpp_properties.json", "settings.json"] {
        assert_eq!(jq(archivo, "type"), ["object"], "{archivo}");
    }
    let (tareas, programas) = (tareas_de_correr(), programas_para_depurar());
    for tarea in tareas.values().chain(programas.values()) {
        assert!(
            tarea.antes.is_empty() || tareas.contains_key(&tarea.antes),
            "{}: no hay tarea {:?}",
            tarea.nombre,
            tarea.antes
        );
        assert_eq!(tarea.carpeta, "${workspaceFolder}", "{}", tarea.nombre);
    }
    assert!(programas.values().all(|uno| uno.tipo == "cppdbg" && !uno.antes.is_empty()), "{programas:?}");
    // Lo que se depura es lo mismo que corre una tarea, con el mismo entorno.
    for depurado in programas.values() {
        let igual = |una: &&Tarea| una.programa == depurado.programa && una.argumentos == depurado.argumentos;
        let tarea = tareas.values().find(igual).unwrap_or_else(|| panic!("ninguna tarea corre {depurado:?}"));
        assert!(tarea.entorno.iter().all(|una| depurado.entorno.contains(una)), "{tarea:?} {depurado:?}");
    }
    assert_eq!(jq("tasks.json", ".tasks[] | select(.group.kind? == \"build\" and .group.isDefault).label"), ["build"]);
    assert_eq!(jq("tasks.json", ".tasks[] | select(.label == \"build\").problemMatcher[]"), ["$gcc"]);
    assert_eq!(jq("launch.json", ".configurations[] | .MIMode").iter().collect::<BTreeSet<_>>().len(), 1);

    // El compuesto: un servidor, y un cliente que lo espera.
    let compuesto = jq("launch.json", ".compounds[] | .configurations[], .preLaunchTask");
    assert_eq!(compuesto.len(), 3, "{compuesto:?}");
    assert!(
        compuesto[..2].iter().all(|uno| programas.contains_key(uno)) && tareas.contains_key(&compuesto[2]),
        "{compuesto:?}"
    );
    assert_eq!(programas[&compuesto[1]].antes, "esperar al servidor");

    // Todos los ejemplos se pueden correr y depurar.
    for fuente in fs::read_dir(raiz().join("c_examples")).unwrap().map(|uno| uno.unwrap().path()) {
        if fuente.extension().is_some_and(|extension| extension == "c") {
            let programa = format!("${{workspaceFolder}}/bin/{}", fuente.file_stem().unwrap().to_str().unwrap());
            assert!(tareas.values().any(|una| una.programa == programa), "no hay tarea que corra {programa}");
            assert!(programas.values().any(|uno| uno.programa == programa), "no hay cómo depurar {programa}");
        }
    }

    // Lo que usa IntelliSense.
    let config = jq("c_cpp_properties.json", ".configurations[] | .compilerPath, .cStandard, .includePath[]");
    assert!(PathBuf::from(&config[0]).is_file(), "{config:?}");
    assert_eq!(config[1], "gnu17");
    let espacio = Espacio::nuevo();
    let carpetas: Vec<_> =
        config[2..].iter().map(|una| espacio.reemplazar(una).trim_end_matches("/**").to_owned()).collect();
    assert!(carpetas.iter().any(|una| PathBuf::from(una).join("tp0.h").is_file()), "{carpetas:?}");
    let mut gcc = Command::new(&config[0]);
    gcc.args(["-fsyntax-only", "-std=gnu17"]).args(carpetas.iter().map(|una| format!("-I{una}")));
    ejecutar(gcc.arg(espacio.carpeta.join("persona_servidor.c")));
    assert_eq!(jq("settings.json", ".\"tp0.puerto\", .\"tp0.instalada\""), ["4444", "/usr"]);
}

#[test]
fn cada_tarea_corre() {
    if !exigir("jq") || !exigir("valgrind") {
        return;
    }
    let tareas = tareas_de_correr();
    let espacio = Espacio::nuevo();
    let mut corridas = BTreeSet::new();
    let mut tarea = |nombre: &str| {
        corridas.insert(nombre.to_owned());
        tareas.get(nombre).unwrap_or_else(|| panic!("no hay tarea {nombre:?}")).clone()
    };
    let bin = espacio.carpeta.join("bin");

    espacio.hacer(&tarea("build con la libtp0 instalada"));
    assert!(bin.join("servidor").is_file());
    espacio.hacer(&tarea("clean"));
    assert!(!bin.exists());
    espacio.hacer(&tarea("build"));
    assert!(espacio.hacer(&tarea("demo")).stdout.contains("Anduvo:"), "la demo");

    // (servidor, [(cliente, lo que se le escribe, lo que muestra)], lo que muestra el servidor, si hay que interrumpirlo)
    type Cliente = (&'static str, &'static str, &'static str);
    let historias: &[(&str, &[Cliente], &str, bool)] = &[
        (
            "correr servidor",
            &[
                ("correr cliente", "uno\ndos\n\n", "Valores recibidos: 2."),
                ("correr rechazado", "", "No me dejaron pasar: "),
            ],
            "  - dos",
            true,
        ),
        (
            "correr seis_funciones, servidor",
            &[("correr seis_funciones, cliente", "", "Me contestaron: qué tal")],
            "Me dijeron: hola",
            false,
        ),
        ("correr chat_servidor", &[("correr chat_cliente", "/quienes\n", "Están: ana")], "Entró ana.", true),
        (
            "correr cadena",
            &[("correr seis_funciones, cliente", "", "Me contestaron: hola > C")],
            "me llegó «hola»",
            true,
        ),
        (
            "correr quien_soy, servidor",
            &[("correr quien_soy, kernel", "", "Hola, kernel.")],
            "kernel dice: arrancó todo",
            true,
        ),
        (
            "correr persona_servidor",
            &[("correr persona_cliente", "", "ahora tiene 31."), ("correr persona_cliente, apagar", "", "")],
            "Familia Gómez",
            false,
        ),
        ("memcheck servidor", &[("memcheck cliente", "uno\n\n", "Valores recibidos: 1.")], "  - uno", true),
        ("helgrind chat_servidor", &[("helgrind chat_cliente", "/quienes\n", "Están: ana")], "Entró ana.", true),
    ];
    for (servidor, clientes, dice, interrumpir) in historias {
        let proceso = espacio.servidor(&tarea(servidor));
        espacio.hacer(&tarea("esperar al servidor"));
        let sin_hallazgos = |salida: &Salida, quien: &str| {
            let con_valgrind = !quien.starts_with("correr");
            assert!(!con_valgrind || salida.stderr.contains("ERROR SUMMARY: 0 errors"), "{quien}: {salida}");
        };
        for (cliente, escribe, muestra) in *clientes {
            let mut proceso = Proceso::lanzar_interactivo(espacio.orden(&tarea(cliente)));
            if !escribe.is_empty() {
                proceso.escribir(escribe);
            }
            if !muestra.is_empty() {
                proceso.esperar_linea(muestra, PLAZO * 2);
            }
            let salida = proceso.terminar(PLAZO * 2);
            salida.exigir_exito(cliente);
            sin_hallazgos(&salida, cliente);
        }
        if *interrumpir {
            proceso.senial(libc::SIGINT);
        }
        let salida = proceso.terminar(PLAZO * 2);
        salida.exigir_exito(servidor);
        assert!(salida.stdout.contains(dice), "{servidor} no dijo {dice:?}: {salida}");
        sin_hallazgos(&salida, servidor);
        esperar_que("que el puerto quede libre", PLAZO, || !escuchando(espacio.puerto));
    }
    assert_eq!(corridas, tareas.keys().cloned().collect(), "hay tareas que esta prueba no corre");

    // Sin servidor, la espera no da por bueno nada.
    let mut espera = Proceso::lanzar(espacio.orden(&tareas["esperar al servidor"]));
    std::thread::sleep(Duration::from_millis(500));
    assert!(espera.vivo(), "{}", espera.matar());
}

#[test]
fn cada_programa_para_en_main_con_gdb() {
    if !exigir("jq") || !exigir("gdb") {
        return;
    }
    let (tareas, programas) = (tareas_de_correr(), programas_para_depurar());
    let espacio = Espacio::nuevo();
    espacio.hacer(&tareas["build"]);
    for depurado in programas.values() {
        let programa = espacio.reemplazar(&depurado.programa);
        assert!(PathBuf::from(&programa).is_file(), "{}: build no deja {programa}", depurado.nombre);
        let mut gdb = orden("gdb");
        gdb.current_dir(espacio.reemplazar(&depurado.carpeta))
            .env("HOME", ruta_nueva("casa"))
            .env("DEBUGINFOD_URLS", "");
        gdb.args(["--batch", "-nx", "-ex", "break main"]);
        for (variable, valor) in &depurado.entorno {
            gdb.args(["-ex", &format!("set environment {variable} {}", espacio.reemplazar(valor))]);
        }
        let args: Vec<_> = depurado.argumentos.iter().map(|uno| espacio.reemplazar(uno)).collect();
        let puerto = ["-ex", "print (char *)getenv(\"TP0_PUERTO\")"];
        gdb.args(["-ex", "run", "-ex", "info args", "-ex", "print argv[argc - 1]"])
            .args(puerto)
            .arg("--args")
            .arg(&programa)
            .args(&args);
        let salida = Proceso::lanzar(gdb).terminar(PLAZO * 2);
        let dicho = format!("{}: {salida}", depurado.nombre);
        assert!(salida.stdout.contains("Breakpoint 1, main (") && salida.stdout.contains(".c:"), "{dicho}");
        if let Some(ultimo) = args.last() {
            // gdb escribe lo que no es ASCII en octal, según el idioma: alcanza con lo primero.
            let ascii: String = ultimo.chars().take_while(char::is_ascii).collect();
            assert!(salida.stdout.contains(&format!("\"{ascii}")), "{dicho}");
        }
        if depurado.entorno.iter().any(|(variable, _)| variable == "TP0_PUERTO") {
            assert!(salida.stdout.contains(&format!("\"{}\"", espacio.puerto)), "{dicho}");
        }
    }
}
