//! Una jaula: un Debian recién instalado, sin Rust y sin red, en el que se entra como root y del que nada sale.
//!
//! El sistema se arma con debootstrap una vez y queda en `target/tmp/jaulas`. Cada prueba entra a una capa nueva encima de él, en
//! memoria y en espacios de nombres propios: cuando su último proceso termina, el núcleo deshace todo.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::comun::{es_root, exigir, saltear};

/// Lo que hay en la jaula además de lo mínimo. Es parte del nombre de la carpeta: si cambia, se arma de nuevo.
const PAQUETES: &str = "gcc,libc6-dev,make,pkg-config,cmake,man-db";
const VERSION: &str = "bookworm";

/// La carpeta con el sistema, o por qué no lo hay.
fn sistema() -> Result<PathBuf, String> {
    static SISTEMA: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    SISTEMA.get_or_init(armar).clone()
}

fn armar() -> Result<PathBuf, String> {
    let jaulas = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("jaulas");
    let lista = jaulas.join(format!("{VERSION}+{}", PAQUETES.replace(',', "+")));
    if lista.exists() {
        return Ok(lista);
    }
    fs::create_dir_all(&jaulas).unwrap();
    borrar_abandonadas(&jaulas);
    // Con otro nombre hasta que esté entera: con el definitivo nunca hay una a medias.
    let nueva = jaulas.join(format!("armando-{}", std::process::id()));
    // Monta /proc adentro de lo que arma: en espacios propios, para que no quede montado si se lo interrumpe.
    let salida = Command::new("unshare")
        .args(["--mount", "--pid", "--mount-proc", "--fork", "--kill-child", "debootstrap"])
        .args(["--variant=minbase", &format!("--include={PAQUETES}"), VERSION])
        .arg(&nueva)
        .arg(espejo())
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .unwrap();
    if !salida.status.success() {
        let _ = fs::remove_dir_all(&nueva);
        let dicho = String::from_utf8_lossy(&salida.stdout).into_owned() + &String::from_utf8_lossy(&salida.stderr);
        return Err(format!(
            "debootstrap no pudo armar la jaula: {}",
            dicho.lines().last().unwrap_or("no dijo por qué")
        ));
    }
    // Si otra corrida llegó antes, vale la suya.
    if fs::rename(&nueva, &lista).is_err() {
        fs::remove_dir_all(&nueva).unwrap();
    }
    Ok(lista)
}

/// Las que quedaron a medias de corridas que ya no están.
fn borrar_abandonadas(jaulas: &Path) {
    for entrada in fs::read_dir(jaulas).unwrap().flatten() {
        let nombre = entrada.file_name().into_string().unwrap();
        let pid = nombre.strip_prefix("armando-");
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(entrada.path());
        }
    }
}

/// De dónde baja paquetes esta máquina, si es el mismo Debian; si no, el de siempre.
fn espejo() -> String {
    let dicho = Command::new("apt-get")
        .args(["indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"])
        .output();
    let dicho = dicho.map(|salida| String::from_utf8_lossy(&salida.stdout).into_owned()).unwrap_or_default();
    let deseado = format!("{VERSION} main ");
    let propio = dicho.lines().filter_map(|linea| linea.strip_prefix(&deseado)).find(|uri| uri.contains("debian"));
    propio.unwrap_or("http://deb.debian.org/debian").to_owned()
}

/// En espacios de nombres nuevos: la capa, lo que se le entrega (de sólo lectura) y adentro. `$1` es el sistema, `$2` las pruebas,
/// `$3` lo que se entrega y `$4` el guion.
const ENTRAR: &str = r#"
set -e
ip link set lo up
mount -t tmpfs -o mode=755 jaula /mnt
mkdir /mnt/encima /mnt/trabajo /mnt/raiz
mount -t overlay -o lowerdir="$1",upperdir=/mnt/encima,workdir=/mnt/trabajo jaula /mnt/raiz
mkdir /mnt/raiz/pruebas /mnt/raiz/entrega
mount --bind -o ro "$2" /mnt/raiz/pruebas
mount --bind -o ro "$3" /mnt/raiz/entrega
mount -t proc proc /mnt/raiz/proc
exec chroot /mnt/raiz /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    HOME=/root LC_ALL=C.UTF-8 VERSION="$VERSION" SONAME="$SONAME" sh "/pruebas/$4" </dev/null
"#;

/// Si acá se puede entrar a una jaula; si no, dice por su nombre que la prueba se saltea.
pub(crate) fn hay() -> bool {
    if !["debootstrap", "unshare", "mount", "ip"].into_iter().all(exigir) {
        return false;
    }
    if !es_root() {
        saltear("sólo root puede armar una jaula con debootstrap");
        return false;
    }
    sistema().inspect_err(|causa| saltear(causa)).is_ok()
}

/// Corre un guion de `tests/distribucion` en una jaula nueva; tiene que salir bien.
pub(crate) fn correr(guion: &str, pruebas: &Path, entrega: &Path, version: &str, soname: &str) {
    let salida = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", ENTRAR, "entrar"])
        .arg(sistema().unwrap())
        .args([pruebas, entrega])
        .arg(guion)
        .env("VERSION", version)
        .env("SONAME", soname)
        .output()
        .unwrap();
    assert!(
        salida.status.success(),
        "{guion}, en la jaula:\n{}{}",
        String::from_utf8_lossy(&salida.stdout),
        String::from_utf8_lossy(&salida.stderr)
    );
}
