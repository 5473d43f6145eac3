//! `tp0`: prueba, muestra y estorba a cualquier TP0, sin enlazar nada.
//!
//! Termina con 0 si todo anduvo, con 1 si encontró algo mal en el programa que se probó, y con 2 si no pudo trabajar, que dice por qué en
//! un renglón.
//!
//! ```text
//! orden          la línea de órdenes, y qué módulo atiende cada una
//! probar         correr un programa y decir qué falla
//! revisar        leer los fuentes de un programa y decir lo mismo sin correrlo
//! trazar         ver lo que un programa hace con sus sockets, desde adentro
//! sistema        espacios de nombres, terminales, /proc
//! descripcion    cómo es el programa: tp0.toml y las opciones
//! cable          los bytes, según esa descripción
//! estilo         lo que se muestra
//! falla          por qué no se pudo
//! ```

mod cable;
mod charla;
mod descripcion;
mod diagrama;
mod dichos;
mod enviar;
mod escuchar;
mod estilo;
mod falla;
mod generar;
mod intermediario;
mod lector;
mod orden;
mod probar;
mod red;
mod revisar;
mod sistema;
mod traza;
mod trazar;

use std::process::ExitCode;

use falla::{Falla, Resultado};
use orden::{Leida, Linea, Orden};

/// Cómo salió lo que se pidió.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Salida {
    Bien,
    /// Algo está mal en el programa que se probó.
    Mal,
}

fn hacer(linea: Linea) -> Resultado<Salida> {
    match linea.orden {
        Orden::Probar(probar) => probar::hacer(probar),
        Orden::Escuchar(pedido) => escuchar::hacer(&pedido),
        Orden::Enviar(pedido) => enviar::hacer(&pedido),
        Orden::Intermediario(pedido) => intermediario::hacer(&pedido),
        Orden::Trazar(pedido) => trazar::hacer(&pedido),
        Orden::Diagrama(pedido) => diagrama::hacer(&pedido),
        Orden::Revisar(pedido) => revisar::hacer(&pedido),
        Orden::Generar(pedido) => generar::hacer(&pedido),
    }
}

fn main() -> ExitCode {
    let salida = match orden::leer(std::env::args_os()) {
        Ok(Leida::Orden(linea)) => hacer(*linea),
        Ok(Leida::Texto(texto)) => {
            estilo::decir(texto.trim_end());
            Ok(Salida::Bien)
        }
        Err(falla) => Err(falla),
    };
    let salida = salida.and_then(|salida| match estilo::se_perdio() {
        None => Ok(salida),
        Some(causa) => Err(Falla::nueva(format!("No pude escribir el resultado: {}.", falla::en_castellano(causa)))),
    });
    match salida {
        Ok(Salida::Bien) => ExitCode::SUCCESS,
        Ok(Salida::Mal) => ExitCode::from(1),
        Err(falla) => {
            estilo::avisar(&format!("tp0: {falla}"));
            ExitCode::from(2)
        }
    }
}
