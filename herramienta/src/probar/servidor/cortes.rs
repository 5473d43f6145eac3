//! Clientes que se van cuando no se los espera.

use nix::sys::signal::Signal;

use crate::probar::banco::Banco;
use crate::probar::caso::{Caso, Guia, Paso, Veredicto};
use crate::probar::par::Cierre;

const CORTE_SIN_MIRAR: &str =
    "recv devolvió 0, o menos bytes de los pedidos, y se siguió con lo que hubiera en el buffer";
const CORTE_MIRADO: &str =
    "si recv no devuelve lo que se le pidió, la conversación terminó: liberá lo reservado, close, y salí del while";

pub(super) const CASOS: &[Caso] = &[
    Caso {
        numero: "S14",
        titulo: "corte en medio de un mensaje",
        hace: "anuncia 100 bytes, manda 10 y se va",
        pide: "que no se caiga ni gire",
        causa: CORTE_SIN_MIRAR,
        cambiar: CORTE_MIRADO,
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: en_el_payload,
    },
    Caso {
        numero: "S15",
        titulo: "corte en medio de un paquete",
        hace: "anuncia un paquete, manda la mitad y se va",
        pide: "que no se caiga ni gire",
        causa: CORTE_SIN_MIRAR,
        cambiar: CORTE_MIRADO,
        guia: Guia::Sockets("close()"),
        con_paquete: true,
        perfil: None,
        correr: en_el_paquete,
    },
    Caso {
        numero: "S16",
        titulo: "corte en medio del header",
        hace: "manda los primeros bytes de un header y se va",
        pide: "que no se caiga ni gire",
        causa: CORTE_SIN_MIRAR,
        cambiar: CORTE_MIRADO,
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: en_el_header,
    },
    Caso {
        numero: "S17",
        titulo: "RST después de un mensaje",
        hace: "manda un mensaje y corta con un RST",
        pide: "que no se caiga ni gire",
        causa: "recv devolvió -1 (ECONNRESET), que no es 0 ni un código, y el while siguió",
        cambiar: "salí del while con recv <= 0, no sólo con 0",
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: rst_tras_un_mensaje,
    },
    Caso {
        numero: "S21",
        titulo: "un cliente se conecta y se va",
        hace: "se conecta y cierra sin decir nada",
        pide: "que no se caiga ni gire",
        causa: "el 0 de recv se toma por un handshake o por un código",
        cambiar: "mirá lo que devuelve el primer recv antes de usar lo que trajo",
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: se_va_sin_hablar,
    },
    Caso {
        numero: "S28",
        titulo: "un cliente se va antes de que le contesten",
        hace: "manda y se va mientras el programa está detenido: lo que conteste no tiene quién lo lea",
        pide: "que no lo mate SIGPIPE",
        causa: "send a un socket que el otro ya cerró manda SIGPIPE, que termina al programa",
        cambiar: "pasale MSG_NOSIGNAL a cada send y mirá si devolvió -1; o ignorá la señal: signal(SIGPIPE, SIG_IGN)",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: se_va_antes_de_la_respuesta,
    },
];

/// Manda eso y se va.
fn cortar(banco: &mut Banco<'_>, palabras: &str, bytes: &[u8], como: Cierre) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    let cliente = banco.cliente();
    let mut par = banco.o_se_cayo(&mut programa, cliente)?;
    programa.contar_memoria();
    banco.anotar(palabras, bytes);
    par.mandar(bytes);
    // Que lo lea: si no, el RST se lo lleva y no se prueba lo que se dice.
    programa.reposar();
    par.cerrar(como);
    banco.como_quedo(&mut programa)?;
    banco.atiende_al_que_sigue(&mut programa)?;
    Ok(Veredicto::bien())
}

fn en_el_payload(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let bytes = [cable.header(cable.mensaje, 100), b"tp0 corta!".to_vec()].concat();
    cortar(banco, "un mensaje de 100 bytes, de los que van 10", &bytes, Cierre::Orden)
}

fn en_el_paquete(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let entero = banco.plan.descripcion.cable.paquete_de_textos(&["el primero", "el segundo, que no llega entero"]);
    let mitad = entero.get(..entero.len() - 20).unwrap_or_default();
    cortar(banco, "un paquete de dos valores, sin los últimos 20 bytes", mitad, Cierre::Orden)
}

fn en_el_header(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let entero = cable.header(cable.mensaje, 10);
    let cuantos = if entero.len() > 2 { 2 } else { 1 };
    let bytes = entero.get(..cuantos).unwrap_or_default();
    cortar(banco, "los primeros bytes de un header", bytes, Cierre::Orden)
}

fn rst_tras_un_mensaje(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let texto = banco.texto();
    let bytes = banco.plan.descripcion.cable.texto(&texto);
    cortar(banco, "un mensaje, y un RST", &bytes, Cierre::Rst)
}

fn se_va_sin_hablar(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    banco.enviado.push("nada: se conecta, y un FIN".to_owned());
    banco.conectar()?.cerrar(Cierre::Orden);
    banco.como_quedo(&mut programa)?;
    banco.atiende_al_que_sigue(&mut programa)?;
    Ok(Veredicto::bien())
}

fn se_va_antes_de_la_respuesta(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    // La respuesta al handshake, y lo que conteste a los mensajes: cada una con el programa detenido mientras el cliente habla y se va.
    for saludado in [false, true] {
        let mut programa = banco.servidor()?;
        let mut par = if saludado {
            let cliente = banco.cliente();
            banco.o_se_cayo(&mut programa, cliente)?
        } else {
            banco.conectar()?
        };
        programa.reposar();
        programa.senial(Signal::SIGSTOP);
        if let (false, Some(valor)) = (saludado, banco.plan.handshake) {
            let bytes = banco.bytes_del_handshake(valor);
            banco.anotar(&format!("handshake {valor}"), &bytes);
            par.mandar(&bytes);
        }
        let texto = banco.texto();
        banco.mandar_texto(&mut par, &texto);
        if banco.plan.descripcion.con_paquetes {
            let paquete = banco.plan.descripcion.cable.paquete_de_textos(&["uno", "dos"]);
            banco.anotar("un paquete", &paquete);
            par.mandar(&paquete);
        }
        banco.enviado.push("FIN y RST, con el programa detenido; y que siga".to_owned());
        par.cerrar(Cierre::FinYRst);
        programa.senial(Signal::SIGCONT);
        banco.como_quedo(&mut programa)?;
        banco.atiende_al_que_sigue(&mut programa)?;
    }
    Ok(Veredicto::bien())
}
