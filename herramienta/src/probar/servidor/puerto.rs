//! El puerto: volver a estar en él, no compartirlo, y dejarlo.

use nix::sys::signal::Signal;

use crate::probar::banco::Banco;
use crate::probar::caso::{Caso, Guia, Paso, Resultado, Veredicto};
use crate::probar::par;
use crate::sistema::aislar::Aislamiento;
use crate::sistema::proc;
use crate::sistema::programa::{Fin, Programa};

pub(super) const CASOS: &[Caso] = &[
    Caso {
        numero: "S22",
        titulo: "se muere con un cliente conectado y vuelve al mismo puerto",
        hace: "lo termina con un cliente conectado, y lo arranca de nuevo",
        pide: "que vuelva a escuchar en el mismo puerto",
        causa: "el puerto queda en reposo (TIME_WAIT) unos 60 segundos, y bind falla sin SO_REUSEADDR",
        cambiar: "antes de bind: int si = 1; setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &si, sizeof si) (SO_REUSEADDR solo, sin | SO_REUSEPORT)",
        guia: Guia::Sockets("bind() y listen()"),
        con_paquete: false,
        perfil: None,
        correr: reinicio,
    },
    Caso {
        numero: "S23",
        titulo: "una segunda copia con el puerto tomado",
        hace: "arranca otra copia mientras la primera escucha",
        pide: "que la segunda termine, o diga que no pudo",
        causa: "bind devolvió -1 y nadie lo miró, o SO_REUSEPORT deja que dos servidores compartan el puerto",
        cambiar: "mirá lo que devuelve bind y terminá con un mensaje si es -1; sacá SO_REUSEPORT",
        guia: Guia::Sockets("bind() y listen()"),
        con_paquete: false,
        perfil: None,
        correr: segunda_copia,
    },
    Caso {
        numero: "S29",
        titulo: "Ctrl-C mientras espera",
        hace: "le manda un SIGINT mientras espera un cliente",
        pide: "que termine",
        causa: "la señal está bloqueada o ignorada, o el manejador anota y accept vuelve a esperar (SA_RESTART)",
        cambiar: "no ignores SIGINT; si tenés un manejador, cerrá ahí el socket que escucha o instalalo sin SA_RESTART",
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: interrumpido,
    },
];

fn reinicio(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let puerto = banco.plan.descripcion.puerto;
    let mut programa = banco.servidor()?;
    let cliente = banco.cliente();
    let par = banco.o_se_cayo(&mut programa, cliente)?;
    // Que lo haya aceptado: los que quedan sin aceptar se van con un RST, y no dejan reposo.
    programa.reposar();
    programa.terminar();
    drop(programa);
    par.cerrar_segundo();
    banco.enviado.push("SIGKILL, con el cliente conectado; después se lo arranca de nuevo".to_owned());
    if !par::en_reposo(puerto) {
        return Ok(Veredicto::no_se_probo("al terminarlo, su puerto no quedó en reposo"));
    }
    let mut otra_vez = banco.programa(false)?;
    let volvio = banco.esperar_que_escuche(&mut otra_vez, banco.espera() * 2);
    banco.guardar(&mut otra_vez);
    let como = donde_quedo(&mut otra_vez);
    drop(otra_vez);
    if banco.plan.aislamiento == Aislamiento::Ninguno {
        par::sacar_del_reposo(puerto);
    }
    if volvio {
        return Ok(Veredicto::bien());
    }
    Ok(Veredicto::nuevo(Resultado::Puerto, como))
}

/// Qué hizo uno que no está en su puerto.
fn donde_quedo(programa: &mut Programa) -> String {
    match programa.fin() {
        Some(Fin::Senial(senial)) => format!("se cayó: {}", Veredicto::senial(senial, "").detalle),
        Some(Fin::Codigo(codigo)) => format!("terminó con {codigo}"),
        None => match proc::puertos(&programa.familia()).first() {
            Some(otro) => format!("escucha en el {otro}"),
            None => "vive y no escucha".to_owned(),
        },
    }
}

fn segunda_copia(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut primera = banco.servidor()?;
    let mut segunda = banco.programa(false)?;
    banco.enviado.push("otra copia del programa, con la primera escuchando".to_owned());
    let fin = segunda.hasta_el_final(banco.espera());
    if fin.is_none() {
        let reposo = segunda.reposar();
        if let Some(veredicto) = banco.juzgar(&mut segunda, reposo) {
            return Ok(veredicto);
        }
    }
    banco.guardar(&mut segunda);
    let puerto = banco.plan.descripcion.puerto;
    match fin {
        Some(Fin::Senial(senial)) => return Ok(Veredicto::senial(senial, ", la segunda")),
        Some(Fin::Codigo(codigo)) => {
            if codigo == 0 {
                banco.observar("la segunda copia termina con 0, como si hubiera andado");
            }
            banco.como_quedo(&mut primera)?;
            return Ok(Veredicto::bien());
        }
        None => {}
    }
    let escucha = proc::puertos(&segunda.familia());
    let aviso = crate::probar::avisa(&segunda.renglones());
    match escucha.first() {
        Some(mismo) if *mismo == puerto => {
            Ok(Veredicto::nuevo(Resultado::Puerto, "las dos comparten el puerto, por SO_REUSEPORT"))
        }
        Some(otro) => Ok(Veredicto::nuevo(Resultado::Puerto, format!("la segunda escucha en otro, el {otro}"))),
        None if aviso => {
            banco.observar("la segunda copia dice que no pudo, y se queda");
            Ok(Veredicto::bien())
        }
        None => Ok(Veredicto::nuevo(Resultado::Puerto, "la segunda sigue, sin puerto y sin decir nada")),
    }
}

fn interrumpido(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    programa.reposar();
    banco.enviado.push("SIGINT, lo que manda Ctrl-C".to_owned());
    programa.senial(Signal::SIGINT);
    let fin = programa.hasta_el_final(banco.espera());
    banco.guardar(&mut programa);
    match fin {
        Some(Fin::Senial(senial)) if senial != libc::SIGINT && senial != libc::SIGTERM => {
            Ok(Veredicto::senial(senial, ", al interrumpirlo"))
        }
        Some(_) => Ok(Veredicto::bien()),
        None => Ok(Veredicto::nuevo(Resultado::NoTermina, "siguió después de SIGINT")),
    }
}
