//! Lo que se instala sin Rust: lo que arman `make dist` y `make deb`, instalado y usado en un Debian recién instalado, sin red. Los
//! guiones que corren ahí adentro están en `tests/distribucion`.

mod jaula;

use crate::markdown;
use std::env;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::comun::{ejecutar, exigir, orden, raiz, ruta_nueva};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// La glibc de Ubuntu 22.04, la más vieja donde se ofrece usar la biblioteca ya compilada.
const GLIBC: (u32, u32) = (2, 35);

/// El SONAME con la regla de cargo-c.
fn soname() -> String {
    let partes: Vec<&str> = VERSION.split('.').collect();
    if partes[0] == "0" { format!("libtp0.so.0.{}", partes[1]) } else { format!("libtp0.so.{}", partes[0]) }
}

fn texto(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `make` en la raíz, compilando donde compila `cargo test`.
fn make(argumentos: &[&str], dist: &Path) -> String {
    let destino = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    ejecutar(
        orden("make")
            .arg("-C")
            .arg(raiz())
            .args(argumentos)
            .arg(format!("DIST={}", dist.display()))
            .env("CARGO_TARGET_DIR", destino)
            .env("CARGO_NET_OFFLINE", "true"),
    )
}

/// Si está lo que hace falta para armar los paquetes.
fn se_puede_armar() -> bool {
    ["make", "gcc", "tar", "gzip", "git", "dpkg-buildpackage", "dh"].into_iter().all(exigir)
}

/// Lo que arman `make dist` y `make deb`, una vez por corrida.
fn dist() -> &'static Path {
    static DIST: OnceLock<PathBuf> = OnceLock::new();
    DIST.get_or_init(|| {
        let dist = ruta_nueva("dist");
        make(&["dist", "deb"], &dist);
        dist
    })
}

/// El único archivo de una carpeta que termina así.
fn el_que_termina(carpeta: &Path, final_: &str) -> PathBuf {
    let mut hallados = fs::read_dir(carpeta).unwrap().map(|entrada| entrada.unwrap().path());
    let hallado = hallados.find(|camino| camino.to_str().unwrap().ends_with(final_));
    hallado.unwrap_or_else(|| panic!("en {} no hay nada que termine en {final_}", carpeta.display()))
}

fn desempaquetar(tarball: &Path) -> PathBuf {
    let donde = ruta_nueva("desempaquetado");
    fs::create_dir_all(&donde).unwrap();
    ejecutar(Command::new("tar").arg("-xzf").arg(tarball).arg("-C").arg(&donde));
    let mut adentro = fs::read_dir(&donde).unwrap().map(|entrada| entrada.unwrap().path());
    let (carpeta, otra) = (adentro.next().expect("el .tar.gz está vacío"), adentro.next());
    assert_eq!(otra, None, "el .tar.gz no es una sola carpeta");
    let nombre = carpeta.file_name().unwrap().to_str().unwrap();
    assert!(nombre.starts_with(&format!("libtp0-{VERSION}-linux-")), "{nombre}");
    carpeta
}

/// La carpeta del `.tar.gz` puesta en un repositorio de git, por alguien que ignora lo compilado, y clonada.
fn clonar(carpeta: &Path, donde: &Path) {
    let ignorados = ruta_nueva("ignorados");
    fs::write(&ignorados, "*.so\n*.so.*\n*.a\nlib/\n").unwrap();
    let git = |argumentos: &[&str]| {
        let mut git = Command::new("git");
        git.arg("-C").arg(carpeta).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
        git.args(["-c", &format!("core.excludesFile={}", ignorados.display())]).args(argumentos);
        ejecutar(&mut git)
    };
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "libtp0"]);
    git(&["clone", "--quiet", ".", donde.to_str().unwrap()]);
}

/// Lo que se le entrega a la jaula: el clon y los paquetes, más una revisión siguiente de ellos.
fn entrega() -> &'static Path {
    static ENTREGA: OnceLock<PathBuf> = OnceLock::new();
    ENTREGA.get_or_init(|| {
        let entrega = ruta_nueva("entrega");
        fs::create_dir_all(&entrega).unwrap();
        make(&["deb", "REVISION=2"], &entrega);
        for deb in debs(dist()) {
            fs::copy(&deb, entrega.join(deb.file_name().unwrap())).unwrap();
        }
        clonar(&desempaquetar(&el_que_termina(dist(), ".tar.gz")), &entrega.join("clon"));
        entrega
    })
}

fn debs(carpeta: &Path) -> Vec<PathBuf> {
    let todos = fs::read_dir(carpeta).unwrap().map(|entrada| entrada.unwrap().path());
    let debs: Vec<PathBuf> = todos.filter(|camino| camino.extension().is_some_and(|e| e == "deb")).collect();
    assert_eq!(debs.len(), 3, "{debs:?}");
    debs
}

/// Los guiones, con el programa de prueba y los nombres de las páginas del manual que hay en el repositorio.
fn pruebas() -> &'static Path {
    static PRUEBAS: OnceLock<PathBuf> = OnceLock::new();
    PRUEBAS.get_or_init(|| {
        let pruebas = ruta_nueva("pruebas");
        fs::create_dir_all(&pruebas).unwrap();
        for entrada in fs::read_dir(raiz().join("tests/instalar/distribucion")).unwrap() {
            let origen = entrada.unwrap().path();
            fs::copy(&origen, pruebas.join(origen.file_name().unwrap())).unwrap();
        }
        let mut paginas = String::new();
        for seccion in fs::read_dir(raiz().join("man")).into_iter().flatten().flatten() {
            for pagina in fs::read_dir(seccion.path()).unwrap() {
                paginas += &(pagina.unwrap().file_name().into_string().unwrap() + "\n");
            }
        }
        fs::write(pruebas.join("paginas"), paginas).unwrap();
        pruebas
    })
}

fn en_la_jaula(guion: &str) {
    if se_puede_armar() && jaula::hay() {
        jaula::correr(guion, pruebas(), entrega(), VERSION, &soname());
    }
}

#[test]
fn la_carpeta_se_clona_se_instala_se_usa_y_se_va() {
    en_la_jaula("carpeta.sh");
}

#[test]
fn los_deb_se_instalan_se_usan_se_actualizan_y_se_van() {
    en_la_jaula("debs.sh");
}

#[test]
fn donde_no_se_puede_lo_dice_y_no_deja_nada_a_medias() {
    en_la_jaula("malas.sh");
}

/// Los documentos de una carpeta, por su camino.
fn documentos(carpeta: &Path) -> Vec<PathBuf> {
    let entradas = fs::read_dir(carpeta).unwrap().map(|entrada| entrada.unwrap());
    // Un enlace a otra carpeta (examples) no se recorre de nuevo.
    let (carpetas, archivos): (Vec<_>, Vec<_>) = entradas.partition(|entrada| entrada.file_type().unwrap().is_dir());
    let hallados = archivos.into_iter().map(|archivo| archivo.path()).filter(|a| a.extension() == Some("md".as_ref()));
    hallados.chain(carpetas.into_iter().flat_map(|carpeta| documentos(&carpeta.path()))).collect()
}

/// Los enlaces de un documento que no llevan a nada, y los lugares que nombra y no están.
fn lo_que_falta(documentacion: &Path, documento: &Path) -> Vec<String> {
    let (texto, nombre) = (fs::read_to_string(documento).unwrap(), documento.display().to_string());
    let lleva_a_algo = |destino: &str| {
        let (archivo, ancla) = destino.split_once('#').unwrap_or((destino, ""));
        let camino = if archivo.is_empty() { documento.to_owned() } else { documento.parent().unwrap().join(archivo) };
        let titulos = || markdown::anclas(archivo, &fs::read_to_string(&camino).unwrap());
        camino.exists() && (ancla.is_empty() || titulos().iter().any(|titulo| titulo == ancla))
    };
    let enlaces = markdown::enlaces(&nombre, &texto).into_iter().map(|(_, destino)| destino);
    let rotos = enlaces.filter(|destino| !destino.starts_with("https://") && !lleva_a_algo(destino));
    let de_camino = |letra: char| letra.is_ascii_alphanumeric() || "/._-".contains(letra);
    let caminos = texto.split(|letra| !de_camino(letra)).map(|palabra| palabra.trim_end_matches('.'));
    let nombrados = caminos.filter(|camino| {
        ["docs/", "c_examples/", "include/", "examples/"].iter().any(|lugar| camino.starts_with(lugar))
    });
    // Los programas los deja make, en la copia de quien los compila.
    let fuente =
        |camino: &str| camino.strip_prefix("c_examples/bin/").map(|programa| format!("c_examples/{programa}.c"));
    let ausentes = nombrados.filter(|camino| {
        *camino != "c_examples/bin" && !documentacion.join(fuente(camino).unwrap_or(camino.to_string())).exists()
    });
    rotos.chain(ausentes.map(str::to_owned)).map(|falta| format!("{nombre}: {falta}")).collect()
}

/// Quien tiene sólo los paquetes, o el .tar.gz, puede seguir todo lo que dicen los documentos que trajeron, y correr lo que se corre.
#[test]
fn lo_que_nombran_los_documentos_esta_con_ellos() {
    if !se_puede_armar() || !exigir("dpkg-deb") {
        return;
    }
    let de_los_paquetes = ruta_nueva("paquete");
    let paquete = debs(dist()).into_iter().find(|deb| deb.to_str().unwrap().contains("-dev_")).unwrap();
    ejecutar(Command::new("dpkg-deb").arg("-x").args([&paquete, &de_los_paquetes]));
    let carpetas =
        [de_los_paquetes.join("usr/share/doc/libtp0-dev"), desempaquetar(&el_que_termina(dist(), ".tar.gz"))];
    for documentacion in carpetas {
        let documentos = documentos(&documentacion);
        for esperado in ["README.md", "README.en.md", "SEGURIDAD.md", "CHANGELOG.md", "docs/LEEME.md"] {
            assert!(documentos.contains(&documentacion.join(esperado)), "falta {esperado}: {documentos:?}");
        }
        let faltan: Vec<String> =
            documentos.iter().flat_map(|documento| lo_que_falta(&documentacion, documento)).collect();
        assert!(faltan.is_empty(), "{}", faltan.join("\n"));
        for guion in ["docs/wireshark/ver.sh", "c_examples/demo.sh"] {
            let modo = fs::metadata(documentacion.join(guion)).unwrap().permissions().mode();
            assert_eq!(modo & 0o111, 0o111, "{guion} no se puede correr");
        }
        // La comprobación tiene que poder fallar.
        let roto = documentacion.join("roto.md");
        fs::write(&roto, "[a](docs/nada.md), [b](README.md#nada), `c_examples/bin/nada` y [c](README.md)\n").unwrap();
        assert_eq!(lo_que_falta(&documentacion, &roto).len(), 4);
    }
}

/// Lo mismo, armado desde otra carpeta, con otras fechas, otros permisos y otro orden: byte por byte.
#[test]
fn dos_veces_sale_lo_mismo() {
    if !se_puede_armar() {
        return;
    }
    let copia = ruta_nueva("copia");
    fs::create_dir_all(copia.join("tests")).unwrap();
    for origen in [
        "paquetes",
        "include",
        "c_examples",
        "man",
        "docs",
        "README.md",
        "README.en.md",
        "SEGURIDAD.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        if raiz().join(origen).exists() {
            ejecutar(Command::new("cp").arg("-r").arg(raiz().join(origen)).arg(&copia));
        }
    }
    fs::copy(raiz().join("tests/simbolos.txt"), copia.join("tests/simbolos.txt")).unwrap();
    ejecutar(Command::new("chmod").args(["-R", "go-rwx"]).arg(&copia));
    let carpeta = desempaquetar(&el_que_termina(dist(), ".tar.gz"));
    let fecha = ejecutar(Command::new("git").arg("-C").arg(raiz()).args(["log", "-1", "--format=%ct"]));
    let otra = ruta_nueva("otra");
    for que in ["tarball", "deb"] {
        ejecutar(
            Command::new("sh")
                .args(["-c", "umask 077; exec \"$0\" \"$1\""])
                .arg(copia.join("paquetes/armar.sh"))
                .arg(que)
                .env("DIST", &otra)
                .env("BIBLIOTECA", carpeta.join("lib"))
                .env("HERRAMIENTA", carpeta.join("herramienta"))
                .env("SOURCE_DATE_EPOCH", fecha.trim()),
        );
    }
    // El orden en que un disco lista sus archivos puede coincidir por casualidad: se lo mira aparte. Y los dueños.
    let tarball = el_que_termina(&otra, ".tar.gz");
    let nombres = ejecutar(Command::new("tar").arg("-tf").arg(&tarball));
    assert!(nombres.lines().count() > 20 && nombres.lines().is_sorted_by_key(Path::new), "{nombres}");
    let detalle = ejecutar(Command::new("tar").arg("-tvf").arg(&tarball));
    assert!(detalle.lines().all(|linea| linea.contains(" 0/0 ")), "{detalle}");
    let archivos = debs(&otra).into_iter().chain([tarball]);
    for archivo in archivos {
        let primero = dist().join(archivo.file_name().unwrap());
        assert!(fs::read(&primero).unwrap() == fs::read(&archivo).unwrap(), "{} sale distinto", primero.display());
    }
}

/// Las versiones de glibc que un archivo le exige al loader. `GLIBC_ABI_DT_RELR` y `GLIBC_PRIVATE` no tienen número: son de más.
fn glibc_que_exige(archivo: &Path) -> Vec<(u32, u32)> {
    let dicho = ejecutar(Command::new("readelf").args(["-VW"]).arg(archivo));
    // «  0x0010:   Name: GLIBC_2.34  Flags: none  Version: 5»: con WEAK, puede faltar.
    let exigidas = dicho.lines().filter_map(|linea| linea.split_once("Name: GLIBC_")).map(|(_, resto)| resto);
    exigidas
        .filter(|resto| !resto.contains("Flags: WEAK"))
        .map(|resto| numero(resto.split_whitespace().next().unwrap()).unwrap_or((u32::MAX, 0)))
        .collect()
}

/// De `2.2.5`, el 2 y el 2.
fn numero(version: &str) -> Option<(u32, u32)> {
    let mut partes = version.split('.');
    Some((partes.next()?.parse().ok()?, partes.next()?.parse().ok()?))
}

/// Si anda con la glibc de Ubuntu 22.04.
fn anda_con_la_de_siempre(archivo: &Path) -> bool {
    let exige = glibc_que_exige(archivo);
    assert!(!exige.is_empty(), "{} no pide ninguna versión de glibc: no se la pudo leer", archivo.display());
    exige.into_iter().all(|version| version <= GLIBC)
}

#[test]
fn anda_desde_ubuntu_22() {
    if !se_puede_armar() || !exigir("readelf") || !exigir("dpkg-deb") {
        return;
    }
    let carpeta = desempaquetar(&el_que_termina(dist(), ".tar.gz"));
    let lo_demas = ["herramienta/tp0", "herramienta/libtp0_trazar.so"].map(str::to_owned);
    for del_tarball in lo_demas.into_iter().chain([format!("lib/libtp0.so.{VERSION}")]).map(|uno| carpeta.join(uno)) {
        assert!(anda_con_la_de_siempre(&del_tarball), "{del_tarball:?} exige {:?}", glibc_que_exige(&del_tarball));
    }

    let del_programa = |deb: &PathBuf| {
        let nombre = deb.file_name().unwrap().to_str().unwrap();
        nombre.starts_with("libtp0-") && !nombre.starts_with("libtp0-dev_")
    };
    let paquete = debs(dist()).into_iter().find(del_programa).unwrap();
    let adentro = ruta_nueva("adentro");
    ejecutar(Command::new("dpkg-deb").arg("-x").args([&paquete, &adentro]));
    let arquitectura = ejecutar(Command::new("dpkg-architecture").args(["-q", "DEB_HOST_MULTIARCH"]));
    let del_deb = adentro.join(format!("usr/lib/{}/libtp0.so.{VERSION}", arquitectura.trim()));
    assert!(anda_con_la_de_siempre(&del_deb), "exige {:?}", glibc_que_exige(&del_deb));

    let depende = ejecutar(Command::new("dpkg-deb").arg("-f").arg(&paquete).arg("Depends"));
    let (_, resto) = depende.split_once("libc6 (>= ").unwrap_or_else(|| panic!("no dice qué libc6: {depende}"));
    let version = numero(resto.split(')').next().unwrap()).unwrap();
    assert!(version <= GLIBC, "{depende}");
    assert!(version >= (2, 2) && depende.contains("libgcc-s1"), "{depende}");
}

/// La comprobación de arriba tiene que poder fallar: un programa que pide una libc que todavía no existe.
#[test]
fn lo_que_pide_una_glibc_mas_nueva_se_nota() {
    if !exigir("gcc") || !exigir("readelf") {
        return;
    }
    let carpeta = ruta_nueva("plantada");
    fs::create_dir_all(&carpeta).unwrap();
    fs::write(carpeta.join("libc.c"), "int plantada(void) { return 0; }\n").unwrap();
    fs::write(carpeta.join("programa.c"), "int plantada(void);\nint main(void) { return plantada(); }\n").unwrap();
    for (version, anda) in [("GLIBC_2.35", true), ("GLIBC_2.36", false), ("GLIBC_3.0", false), ("GLIBC_ABI_X", false)] {
        fs::write(carpeta.join("mapa"), format!("{version} {{ global: plantada; local: *; }};\n")).unwrap();
        let en_la_carpeta = |linea: &str| {
            ejecutar(Command::new("gcc").args(linea.split(' ')).current_dir(&carpeta));
        };
        en_la_carpeta("-shared -fPIC libc.c -o libplantada.so -Wl,--version-script=mapa -Wl,-soname,libplantada.so");
        en_la_carpeta("programa.c -o programa libplantada.so");
        assert_eq!(anda_con_la_de_siempre(&carpeta.join("programa")), anda, "{version}");
    }
}

/// Sin una herramienta dice cuál y cómo instalarla, en un renglón, y no deja nada.
#[test]
fn sin_una_herramienta_dice_cual() {
    let casos: [(&str, &str, &str); 4] = [
        ("tarball", "gzip", "Falta gzip: sudo apt install gzip"),
        ("deb", "dpkg-buildpackage", "Falta dpkg-buildpackage: sudo apt install dpkg-dev"),
        ("deb", "dh", "Falta dh: sudo apt install debhelper"),
        ("deb", "gcc", "Falta gcc: sudo apt install gcc"),
    ];
    for (que, falta, queja) in casos {
        let salida = armar_sin(que, falta);
        assert_eq!(texto(&salida.stderr), format!("{queja}\n"), "{que} sin {falta}");
        assert!(!salida.status.success() && salida.stdout.is_empty(), "{que} sin {falta}: {}", texto(&salida.stdout));
    }
}

/// Corre armar.sh con un PATH en el que está todo menos eso.
fn armar_sin(que: &str, falta: &str) -> Output {
    let (carpeta, dist) = (ruta_nueva("herramientas"), ruta_nueva("nada"));
    fs::create_dir_all(&carpeta).unwrap();
    for lugar in env::split_paths(&env::var_os("PATH").unwrap()) {
        for entrada in fs::read_dir(lugar).into_iter().flatten().flatten().filter(|e| e.file_name() != falta) {
            // La primera del PATH es la que vale.
            let _ = symlink(entrada.path(), carpeta.join(entrada.file_name()));
        }
    }
    // Que no se saltee si en esta máquina falta otra: las demás alcanza con que parezcan estar.
    for otra in ["dpkg-buildpackage", "dh", "tar", "gzip", "make", "gcc"].into_iter().filter(|otra| *otra != falta) {
        let _ = symlink("/bin/true", carpeta.join(otra));
    }
    let mut armar = Command::new(raiz().join("paquetes/armar.sh"));
    let salida = armar
        .arg(que)
        .env("PATH", &carpeta)
        .env("DIST", &dist)
        .env("BIBLIOTECA", "/nada")
        .env("HERRAMIENTA", "/nada")
        .output()
        .unwrap();
    assert_eq!(fs::read_dir(&dist).unwrap().count(), 0, "quedó algo en {}", dist.display());
    salida
}
