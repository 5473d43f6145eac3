//! Qué programa es el que se pidió, y si es de los que se pueden trazar: los que usan la biblioteca de C que está en el sistema.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use object::elf::{self, FileHeader64};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _};
use object::{Endianness, ReadRef as _};

use crate::cable::en_u64;
use crate::falla::{Falla, Resultado};

/// Lo que hace falta saber de él.
#[derive(Debug)]
pub(crate) struct Ejecutable {
    /// Trae AddressSanitizer, que exige ser el primero que se carga.
    pub(crate) con_asan: bool,
}

/// Mira el programa que se va a correr, o lo que lo interpreta, si es un guion.
pub(crate) fn mirar(programa: &OsStr) -> Resultado<Ejecutable> {
    let mostrado = programa.to_string_lossy();
    let archivo = buscar(programa).ok_or_else(|| {
        Falla::nueva(format!(
            "No pude ejecutar «{mostrado}»: no existe. ¿Compilaste? ¿Estás en la carpeta del programa?"
        ))
    })?;
    let no_pude = |causa| Falla::del_sistema(format!("No pude ejecutar «{mostrado}»"), causa);
    let datos = fs::metadata(&archivo).map_err(no_pude)?;
    if datos.is_dir() {
        return Err(Falla::nueva(format!("No pude ejecutar «{mostrado}»: es una carpeta. ¿Cuál es el ejecutable?")));
    }
    if datos.permissions().mode() & 0o111 == 0 {
        return Err(Falla::nueva(format!(
            "No pude ejecutar «{mostrado}»: no tiene permiso de ejecución. ¿Es el ejecutable?"
        )));
    }
    let yo = nix::unistd::geteuid().as_raw();
    if datos.mode() & libc::S_ISUID != 0 && datos.uid() != yo {
        return Err(Falla::nueva(format!(
            "No puedo trazar «{mostrado}»: es setuid, y el sistema no deja precargar nada en un programa que corre con los permisos de otro."
        )));
    }
    // El que sólo se puede ejecutar no se puede mirar: que decida el sistema.
    let Ok(mut abierto) = File::open(&archivo) else { return Ok(Ejecutable { con_asan: false }) };
    let mut bytes = Vec::new();
    abierto.read_to_end(&mut bytes).map_err(no_pude)?;
    if let Some(interprete) = interprete_de(&bytes) {
        return mirar_elf(&mostrado, &interprete, &fs::read(&interprete).unwrap_or_default());
    }
    mirar_elf(&mostrado, &archivo, &bytes)
}

/// Como lo busca el shell.
fn buscar(programa: &OsStr) -> Option<PathBuf> {
    if programa.to_string_lossy().contains('/') {
        return Path::new(programa).exists().then(|| PathBuf::from(programa));
    }
    env::split_paths(&env::var_os("PATH")?).map(|carpeta| carpeta.join(programa)).find(|archivo| archivo.is_file())
}

/// Un guion empieza con `#!` y su intérprete; `/usr/bin/env` busca el suyo en el PATH.
fn interprete_de(bytes: &[u8]) -> Option<PathBuf> {
    let renglon = bytes.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let renglon = String::from_utf8_lossy(renglon).into_owned();
    let mut palabras = renglon.split_whitespace();
    let primero = palabras.next()?;
    match palabras.next() {
        Some(otro) if primero.ends_with("/env") && !otro.starts_with('-') => buscar(OsStr::new(otro)),
        _ => Some(PathBuf::from(primero)),
    }
}

fn mirar_elf(mostrado: &str, archivo: &Path, bytes: &[u8]) -> Resultado<Ejecutable> {
    let no_puedo = |porque: String| {
        let cual =
            if Path::new(mostrado) == archivo { String::new() } else { format!(" (lo corre {})", archivo.display()) };
        Err(Falla::nueva(format!("No puedo trazar «{mostrado}»{cual}: {porque}")))
    };
    if !bytes.starts_with(&elf::ELFMAG) {
        return Ok(Ejecutable { con_asan: false });
    }
    let maquina = if cfg!(target_arch = "aarch64") { elf::EM_AARCH64 } else { elf::EM_X86_64 };
    let leido = FileHeader64::<Endianness>::parse(bytes).ok().and_then(|header| Some((header, header.endian().ok()?)));
    let Some((header, orden)) = leido.filter(|(header, orden)| header.e_machine(*orden) == maquina) else {
        return no_puedo("es de otra clase de máquina que tp0 (¿compilado con -m32?).".to_owned());
    };
    let partes = header.program_headers(orden, bytes).unwrap_or_default();
    if !partes.iter().any(|parte| parte.p_type(orden) == elf::PT_INTERP) {
        return no_puedo(
            "está enlazado estáticamente, y adentro de uno así no se puede precargar nada. Compilalo sin -static."
                .to_owned(),
        );
    }
    let con_asan =
        partes.iter().filter_map(|parte| parte.dynamic(orden, bytes).ok().flatten()).flatten().any(|entrada| {
            entrada.tag32(orden) == Some(elf::DT_NEEDED)
                && entrada.val32(orden).is_some_and(|donde| nombre_es_asan(header, orden, bytes, donde))
        });
    Ok(Ejecutable { con_asan })
}

/// Si el nombre que está en ese lugar de la tabla de textos es el de AddressSanitizer.
fn nombre_es_asan(header: &FileHeader64<Endianness>, orden: Endianness, bytes: &[u8], donde: u32) -> bool {
    let partes = header.program_headers(orden, bytes).unwrap_or_default();
    let entradas = || partes.iter().filter_map(|parte| parte.dynamic(orden, bytes).ok().flatten()).flatten();
    let tabla = entradas().find(|entrada| entrada.tag32(orden) == Some(elf::DT_STRTAB));
    let Some(tabla) = tabla.map(|entrada| entrada.d_val(orden) + u64::from(donde)) else { return false };
    let nombre = partes.iter().find_map(|parte| {
        let adentro = tabla.checked_sub(parte.p_vaddr(orden))?;
        (parte.p_type(orden) == elf::PT_LOAD && adentro < parte.p_filesz(orden))
            .then(|| bytes.read_bytes_at_until(parte.p_offset(orden) + adentro..en_u64(bytes.len()), 0).ok())?
    });
    nombre.is_some_and(|nombre| nombre.starts_with(b"libasan."))
}
