//! Cómo es el programa: lo que dice `tp0.toml`, si lo hay, y encima lo que dicen las opciones.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::Deserialize;

use crate::cable::{Ancho, Cable, Handshake, Orden};
use crate::falla::{Falla, Resultado};

/// El archivo que se lee si no se nombra otro.
const ARCHIVO: &str = "tp0.toml";

/// Qué se espera del programa.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Perfil {
    /// El TP0: un cliente, y el servidor termina.
    Tp0,
    /// Un módulo de un TP: atiende a muchos y sigue.
    Tp,
}

/// Las opciones que describen el cable. Las claves de `tp0.toml` son las mismas.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Opciones {
    /// Archivo con la descripción del programa (si no se dice, tp0.toml, si está)
    #[arg(long, value_name = "ARCHIVO", global = true, help_heading = "Cómo habla el programa")]
    #[serde(skip)]
    descripcion: Option<PathBuf>,
    /// Ancho del código de operación: u8, u16, u32 (si no se dice) o u64
    #[arg(long, value_name = "ANCHO", help_heading = "Cómo habla el programa", hide_possible_values = true)]
    codigo: Option<Ancho>,
    /// Ancho del tamaño: u8, u16, u32 (si no se dice) o u64
    #[arg(long, value_name = "ANCHO", help_heading = "Cómo habla el programa", hide_possible_values = true)]
    tamanio: Option<Ancho>,
    /// Ancho del largo de cada valor de un paquete (si no se dice, u32)
    #[arg(long, value_name = "ANCHO", help_heading = "Cómo habla el programa", hide_possible_values = true)]
    largo: Option<Ancho>,
    /// Orden de los bytes: little (si no se dice) o big
    #[arg(long, value_name = "ORDEN", help_heading = "Cómo habla el programa", hide_possible_values = true)]
    orden: Option<Orden>,
    /// Handshake: no, un entero o auto (si no se dice, 1; probar lo averigua)
    #[arg(long, value_name = "CUÁL", help_heading = "Cómo habla el programa", allow_hyphen_values = true)]
    #[serde(deserialize_with = "handshake")]
    handshake: Option<Handshake>,
    /// Código de un mensaje de texto (si no se dice, 0)
    #[arg(long, value_name = "N", help_heading = "Cómo habla el programa")]
    mensaje: Option<u64>,
    /// Código de un paquete de valores (si no se dice, 1)
    #[arg(long, value_name = "N", help_heading = "Cómo habla el programa")]
    paquete: Option<u64>,
    /// El programa no usa paquetes de valores: no se le manda ninguno
    #[arg(long, help_heading = "Cómo habla el programa")]
    sin_paquetes: bool,
    /// Otros códigos que el programa conoce, separados por comas
    #[arg(long, value_name = "N,N...", help_heading = "Cómo habla el programa", value_delimiter = ',')]
    codigos: Option<Vec<u64>>,
    /// tp0 (un cliente, y el servidor termina; si no se dice) o tp (atiende a muchos y sigue)
    #[arg(long, value_name = "PERFIL", help_heading = "Cómo habla el programa", hide_possible_values = true)]
    perfil: Option<Perfil>,
    /// Puerto del servidor (si no se dice, 4444)
    #[arg(long, value_name = "N", help_heading = "Cómo habla el programa")]
    puerto: Option<u16>,
    /// Cuánto se espera cada cosa, en milisegundos (si no se dice, 3000)
    #[arg(long, value_name = "MS", help_heading = "Cómo habla el programa")]
    espera: Option<u64>,
    /// Archivo donde el programa escribe, además de los .log de su carpeta; se puede repetir
    #[arg(long, value_name = "ARCHIVO", help_heading = "Cómo habla el programa")]
    registro: Option<Vec<PathBuf>>,
}

/// En el archivo, el handshake es `"no"`, `"auto"` o un entero.
fn handshake<'de, D: serde::Deserializer<'de>>(de: D) -> Result<Option<Handshake>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Dicho {
        Numero(i32),
        Palabra(String),
    }
    match Dicho::deserialize(de)? {
        Dicho::Numero(numero) => Ok(Some(Handshake::Con(numero))),
        Dicho::Palabra(palabra) => palabra.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// Lo que se sabe del programa, sin huecos.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Descripcion {
    pub(crate) cable: Cable,
    pub(crate) perfil: Perfil,
    pub(crate) puerto: u16,
    pub(crate) espera: Duration,
    pub(crate) registros: Vec<PathBuf>,
    /// Entiende paquetes de valores.
    pub(crate) con_paquetes: bool,
}

impl Opciones {
    /// Si alguien dijo qué handshake hay: entonces no se averigua, se exige.
    pub(crate) fn handshake_dicho(&self) -> bool {
        let dicho = self.handshake.or_else(|| self.leer_archivo().ok()?.handshake);
        dicho.is_some_and(|handshake| handshake != Handshake::Auto)
    }

    /// Lo que dicen la línea de órdenes y, en lo que ella calla, el archivo.
    pub(crate) fn describir(&self) -> Resultado<Descripcion> {
        let archivo = self.leer_archivo()?;
        let base = Cable::default();
        let cable = Cable {
            codigo: self.codigo.or(archivo.codigo).unwrap_or(base.codigo),
            tamanio: self.tamanio.or(archivo.tamanio).unwrap_or(base.tamanio),
            largo: self.largo.or(archivo.largo).unwrap_or(base.largo),
            orden: self.orden.or(archivo.orden).unwrap_or(base.orden),
            handshake: self.handshake.or(archivo.handshake).unwrap_or(base.handshake),
            mensaje: self.mensaje.or(archivo.mensaje).unwrap_or(base.mensaje),
            paquete: self.paquete.or(archivo.paquete).unwrap_or(base.paquete),
            codigos: self.codigos.clone().or(archivo.codigos).unwrap_or_default(),
        };
        cable.comprobar()?;
        let puerto = self.puerto.or(archivo.puerto).unwrap_or(4444);
        if puerto == 0 {
            return Err(Falla::nueva("El puerto va de 1 a 65535, y se pidió el 0."));
        }
        let espera = self.espera.or(archivo.espera).unwrap_or(3000);
        if !(100..=600_000).contains(&espera) {
            return Err(Falla::nueva(format!("La espera va de 100 a 600000 milisegundos, y se pidieron {espera}.")));
        }
        Ok(Descripcion {
            cable,
            perfil: self.perfil.or(archivo.perfil).unwrap_or(Perfil::Tp0),
            puerto,
            espera: Duration::from_millis(espera),
            con_paquetes: !(self.sin_paquetes || archivo.sin_paquetes),
            registros: self.registro.clone().or(archivo.registro).unwrap_or_default(),
        })
    }

    fn leer_archivo(&self) -> Resultado<Self> {
        let (archivo, pedido) = match &self.descripcion {
            Some(archivo) => (archivo.as_path(), true),
            None => (Path::new(ARCHIVO), false),
        };
        match fs::read_to_string(archivo) {
            Ok(texto) => toml::from_str(&texto).map_err(|causa| no_se_entiende(archivo, &texto, &causa)),
            Err(causa) if !pedido && causa.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(causa) => Err(Falla::del_sistema(format!("No pude leer {}", archivo.display()), causa)),
        }
    }
}

/// Qué tiene de malo el archivo: el renglón y lo que hay en él, que es lo que se va a corregir.
fn no_se_entiende(archivo: &Path, texto: &str, causa: &toml::de::Error) -> Falla {
    let desde = causa.span().map_or(0, |tramo| tramo.start);
    let numero = texto.get(..desde).map_or(1, |antes| antes.matches('\n').count() + 1);
    let renglon = texto.lines().nth(numero - 1).unwrap_or_default().trim();
    let clave = renglon.split('=').next().unwrap_or_default().trim();
    // De una clave que existe, lo malo es el valor; salvo que esté dos veces.
    let repetida =
        texto.lines().filter(|otro| otro.split('=').next().is_some_and(|otra| otra.trim() == clave)).count() > 1;
    let que_va = match VALORES.iter().find(|(cual, _)| *cual == clave) {
        Some(_) if repetida => format!("«{clave}» está dos veces"),
        Some((_, valores)) => format!("«{clave}» es {valores}"),
        None => {
            let claves: Vec<&str> = VALORES.iter().map(|(clave, _)| *clave).collect();
            format!("las claves son las opciones que muestra «tp0 probar servidor --ayuda»: {}", claves.join(", "))
        }
    };
    Falla::nueva(format!("{}, renglón {numero}: no entiendo «{renglon}»: {que_va}.", archivo.display()))
}

/// Las claves de `tp0.toml`, y qué va en cada una.
const VALORES: [(&str, &str); 13] = [
    ("perfil", "\"tp0\" o \"tp\", entre comillas"),
    ("puerto", "un entero de 1 a 65535"),
    ("codigo", ANCHOS),
    ("tamanio", ANCHOS),
    ("largo", ANCHOS),
    ("orden", "\"little\" o \"big\", entre comillas"),
    ("handshake", "\"no\", \"auto\" o un entero de 4 bytes"),
    ("mensaje", "un entero, de 0 en adelante"),
    ("paquete", "un entero, de 0 en adelante"),
    ("sin_paquetes", "true o false"),
    ("codigos", "una lista de enteros de 0 en adelante: [2, 3]"),
    ("espera", "un entero: milisegundos, de 100 a 600000"),
    ("registro", "una lista de archivos: [\"/tmp/memoria.log\"]"),
];
const ANCHOS: &str = "\"u8\", \"u16\", \"u32\" o \"u64\", entre comillas";

#[cfg(test)]
mod pruebas {
    use super::*;

    #[test]
    fn las_claves_del_archivo_son_las_opciones() {
        let texto =
            "perfil = \"tp\"\npuerto = 8002\ncodigo = \"u8\"\nhandshake = \"no\"\ncodigos = [3, 4]\nespera = 500\n";
        let opciones: Opciones = toml::from_str(texto).unwrap();
        assert_eq!(opciones.perfil, Some(Perfil::Tp));
        assert_eq!((opciones.puerto, opciones.codigo), (Some(8002), Some(Ancho::U8)));
        assert_eq!(opciones.handshake, Some(Handshake::No));
        assert_eq!(opciones.codigos, Some(vec![3, 4]));
        assert!(toml::from_str::<Opciones>("handshake = 2").unwrap().handshake == Some(Handshake::Con(2)));
    }

    #[test]
    fn una_clave_que_no_existe_dice_su_renglon() {
        let texto = "puerto = 1\npuertp = 2\n";
        let causa = toml::from_str::<Opciones>(texto).unwrap_err();
        let falla = no_se_entiende(Path::new("tp0.toml"), texto, &causa).to_string();
        assert!(falla.starts_with("tp0.toml, renglón 2: no entiendo «puertp = 2»: las claves son"), "{falla}");
    }

    /// Cada clave de la tabla existe, y ninguna falta: con un valor que no va se dice cuál va, y ninguna acepta una tabla.
    #[test]
    fn de_un_valor_que_no_va_se_dicen_los_que_van() {
        for (clave, valores) in VALORES {
            let texto = format!("{clave} = {{ a = 1 }}\n");
            let causa = toml::from_str::<Opciones>(&texto).unwrap_err();
            let falla = no_se_entiende(Path::new("tp0.toml"), &texto, &causa).to_string();
            assert!(!causa.message().contains("unknown field"), "{clave}: {causa}");
            assert!(falla.ends_with(&format!("«{clave}» es {valores}.")), "{falla}");
        }
        let causa = toml::from_str::<Opciones>("nada = 1").unwrap_err();
        let todas = VALORES.iter().filter(|(clave, _)| causa.message().contains(&format!("`{clave}`"))).count();
        assert_eq!(todas, causa.message().matches('`').count() / 2 - 1, "{causa}");
        for malo in ["perfil = tp\n", "puerto = 70000\n", "codigo = \"u9\"\n", "orden = 1\n", "espera = \"mucha\"\n"] {
            let causa = toml::from_str::<Opciones>(malo).unwrap_err();
            let falla = no_se_entiende(Path::new("tp0.toml"), malo, &causa).to_string();
            assert!(falla.contains("» es "), "{falla}");
        }
        let dos = "puerto = 1\npuerto = 2\n";
        let causa = toml::from_str::<Opciones>(dos).unwrap_err();
        assert!(no_se_entiende(Path::new("tp0.toml"), dos, &causa).to_string().ends_with("«puerto» está dos veces."));
    }
}
