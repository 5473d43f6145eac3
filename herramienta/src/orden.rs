//! La línea de órdenes: una sola definición, de la que salen también la ayuda, el manual y el completado.

use clap::builder::Styles;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::falla::{Falla, Resultado};

const AYUDA: &str = "\
{about}

Uso: {usage}

{all-args}{after-help}";

/// Prueba, muestra y estorba a cualquier TP0, sin enlazar nada
#[derive(Debug, Parser)]
#[command(
    name = "tp0",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true,
    override_usage = "tp0 ORDEN [OPCIONES]"
)]
pub(crate) struct Linea {
    #[command(subcommand)]
    pub(crate) orden: Orden,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Orden {
    /// Corre un programa y dice qué falla en sus sockets
    #[command(subcommand, override_usage = "tp0 probar servidor|cliente [OPCIONES] -- ORDEN...")]
    Probar(crate::probar::Probar),
    /// Escucha como un servidor correcto: muestra cada mensaje, y manda lo que se escriba
    Escuchar(crate::escuchar::Pedido),
    /// Se conecta como un cliente correcto: manda lo que se le diga y muestra lo que le contesten
    Enviar(crate::enviar::Pedido),
    /// Se pone entre dos programas: muestra cada mensaje, y los demora, los corta o les miente
    Intermediario(crate::intermediario::Pedido),
    /// Corre un programa y muestra cada llamada de sus sockets, con lo que tiene de sospechosa
    Trazar(crate::trazar::Pedido),
    /// Dibuja el diagrama de secuencia de una conversación, de sus trazas
    Diagrama(crate::diagrama::Pedido),
    /// Lee los fuentes en C de un TP y dice qué chocaría con libtp0, y lo que corriendo no se ve
    Revisar(crate::revisar::Pedido),
    /// Escribe el manual y el completado de bash
    #[command(hide = true, override_usage = "tp0 generar CARPETA")]
    Generar(crate::generar::Pedido),
}

/// La definición, en castellano hasta donde clap lo trae en inglés: los títulos y las opciones que agrega solo.
pub(crate) fn definicion() -> clap::Command {
    let version = clap::Arg::new("version").short('V').long("version").action(clap::ArgAction::Version);
    let orden = en_castellano(Linea::command().arg(version.help("Muestra la versión")));
    DE_LOS_DOS_LADOS.iter().fold(orden, |orden, cual| orden.mut_subcommand(cual, sin_lo_de_probar))
}

/// Las órdenes que hablan por sí mismas: de la descripción usan lo que es del cable.
const DE_LOS_DOS_LADOS: [&str; 4] = ["escuchar", "enviar", "intermediario", "trazar"];

fn sin_lo_de_probar(orden: clap::Command) -> clap::Command {
    orden.mut_args(|argumento| match argumento.get_id().as_str() {
        "perfil" | "puerto" | "registro" | "sin_paquetes" => argumento.hide(true),
        _ => argumento,
    })
}

fn en_castellano(orden: clap::Command) -> clap::Command {
    let ayuda = clap::Arg::new("ayuda")
        .short('h')
        .long("ayuda")
        .alias("help")
        .action(clap::ArgAction::Help)
        .help("Muestra esta ayuda");
    // Con título propio, clap pone los argumentos por orden alfabético.
    let mut lugar = 0;
    orden
        .help_template(AYUDA)
        .styles(Styles::plain())
        .subcommand_help_heading("Órdenes")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .arg(ayuda)
        .mut_args(move |argumento| match (argumento.get_help_heading(), argumento.is_positional()) {
            (Some(_), _) => argumento,
            (None, true) => {
                lugar += 1;
                argumento.help_heading("Argumentos").display_order(lugar)
            }
            (None, false) => argumento.help_heading("Opciones"),
        })
        .mut_subcommands(en_castellano)
}

/// Lo que resultó de leer la línea.
#[derive(Debug)]
pub(crate) enum Leida {
    Orden(Box<Linea>),
    /// Se pidió la ayuda, o la versión: es esto.
    Texto(String),
}

/// Lee la línea de órdenes.
pub(crate) fn leer(argumentos: impl Iterator<Item = std::ffi::OsString>) -> Resultado<Leida> {
    let leida = definicion().try_get_matches_from(argumentos).and_then(|leidos| Linea::from_arg_matches(&leidos));
    match leida {
        Ok(linea) => Ok(Leida::Orden(Box::new(linea))),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Ok(Leida::Texto(error.to_string())),
            _ => Err(explicar(&error)),
        },
    }
}

fn dato(error: &clap::Error, cual: ContextKind) -> Option<String> {
    match error.get(cual)? {
        ContextValue::String(texto) => Some(texto.clone()),
        ContextValue::Strings(textos) => Some(textos.join(", ")),
        _ => None,
    }
}

/// El error de clap, en un renglón y en castellano.
fn explicar(error: &clap::Error) -> Falla {
    let argumento = dato(error, ContextKind::InvalidArg).unwrap_or_default();
    let valor = dato(error, ContextKind::InvalidValue).unwrap_or_default();
    let quizas = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue]
        .iter()
        .find_map(|cual| dato(error, *cual))
        // Si se parece a varias, la última es a la que más.
        .and_then(|parecidas| parecidas.rsplit(", ").next().map(str::to_owned))
        .map(|parecido| format!(" ¿Quisiste decir «{parecido}»?"))
        .unwrap_or_default();
    let que = match error.kind() {
        ErrorKind::InvalidSubcommand => match dato(error, ContextKind::InvalidSubcommand).unwrap_or_default() {
            programa if programa.contains('/') => {
                format!("«{programa}» no es una orden. Un programa va al final: tp0 probar servidor -- {programa}.")
            }
            orden => format!("No conozco la orden «{orden}».{quizas}"),
        },
        ErrorKind::MissingSubcommand => "Falta decir qué hacer.".to_owned(),
        ErrorKind::UnknownArgument if !argumento.starts_with('-') => {
            format!("No conozco «{argumento}». El programa va al final, detrás de «--».")
        }
        ErrorKind::UnknownArgument => format!("No conozco «{argumento}».{quizas}"),
        ErrorKind::MissingRequiredArgument => format!("Falta {}.", argumento.trim_end_matches("...")),
        ErrorKind::InvalidValue if valor.is_empty() => format!("A «{argumento}» le falta su valor."),
        ErrorKind::InvalidValue => {
            let validos = dato(error, ContextKind::ValidValue).map(|v| format!(" Puede ser: {v}.")).unwrap_or_default();
            format!("«{valor}» no vale para «{argumento}».{validos}{quizas}")
        }
        ErrorKind::ValueValidation => format!("«{valor}» no vale para «{argumento}»."),
        ErrorKind::ArgumentConflict => format!("«{argumento}» está repetida, o no va con las demás."),
        ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues => format!("Sobra «{valor}» en «{argumento}»."),
        ErrorKind::TooFewValues | ErrorKind::NoEquals => format!("A «{argumento}» le faltan valores."),
        ErrorKind::InvalidUtf8 => "Uno de los argumentos no es texto UTF-8.".to_owned(),
        _ => "No entiendo la línea de órdenes.".to_owned(),
    };
    Falla::nueva(format!("{que} Probá con --ayuda."))
}
