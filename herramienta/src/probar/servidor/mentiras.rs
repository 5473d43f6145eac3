//! Tamaños y largos que mienten.

use crate::probar::banco::Banco;
use crate::probar::caso::{Caso, Guia, Paso, Veredicto};
use crate::probar::par::Cierre;

const LARGO_CREIDO: &str = "el largo de un valor se usa en malloc y memcpy sin compararlo con lo que queda del payload";
const LARGO_MIRADO: &str =
    "antes de copiar: si largo < 0 o largo > tamaño - desplazamiento, cortá ahí y cerrá la conexión";

pub(super) const CASOS: &[Caso] = &[
    Caso {
        numero: "S09",
        titulo: "tamaño -1",
        hace: "manda un header con tamaño -1 y se va",
        pide: "que no se caiga, ni gire, ni reserve memoria por eso",
        causa: "el tamaño se usa en malloc y recv sin mirar que no sea negativo",
        cambiar: "si el tamaño es negativo o mayor que un tope tuyo, cerrá la conexión",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: menos_uno,
    },
    Caso {
        numero: "S10",
        titulo: "tamaño de 2 GiB, y nada detrás",
        hace: "manda un header con tamaño 2147483647, ningún byte más, y se va",
        pide: "que no se caiga, ni gire, ni reserve 2 GiB",
        causa: "malloc(tamaño) con lo que diga el header",
        cambiar: "poné un tope a lo que se acepta (un MiB alcanza) y cerrá la conexión si lo pasa; mirá si malloc dio NULL",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: dos_gib,
    },
    Caso {
        numero: "S11",
        titulo: "largo de un valor enorme",
        hace: "manda un paquete de 12 bytes cuyo valor dice medir 2147483647",
        pide: "que no se caiga, ni gire, ni reserve 2 GiB",
        causa: LARGO_CREIDO,
        cambiar: LARGO_MIRADO,
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: true,
        perfil: None,
        correr: largo_enorme,
    },
    Caso {
        numero: "S12",
        titulo: "largo de un valor negativo",
        hace: "manda un paquete de 12 bytes cuyo valor dice medir -1",
        pide: "que no se caiga, ni gire",
        causa: LARGO_CREIDO,
        cambiar: LARGO_MIRADO,
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: true,
        perfil: None,
        correr: largo_negativo,
    },
    Caso {
        numero: "S13",
        titulo: "largo de un valor que se pasa por poco",
        hace: "manda un paquete cuyo último valor dice medir 3 bytes más de los que hay",
        pide: "que no se caiga (con --valgrind se ve si lee de más)",
        causa: LARGO_CREIDO,
        cambiar: LARGO_MIRADO,
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: true,
        perfil: None,
        correr: largo_de_mas,
    },
];

/// Manda eso, mira qué hace el programa, se va, y mira de nuevo.
fn mentir(banco: &mut Banco<'_>, palabras: &str, bytes: &[u8]) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    let cliente = banco.cliente();
    let mut par = banco.o_se_cayo(&mut programa, cliente)?;
    programa.contar_memoria();
    banco.anotar(palabras, bytes);
    par.mandar(bytes);
    let reposo = programa.reposar();
    if let Some(veredicto) = banco.juzgar(&mut programa, reposo) {
        return Ok(veredicto);
    }
    par.cerrar(Cierre::Orden);
    banco.como_quedo(&mut programa)?;
    banco.atiende_al_que_sigue(&mut programa)?;
    Ok(Veredicto::bien())
}

/// El mayor entero con signo de ese ancho, hasta 2 GiB - 1.
fn enorme(bytes: usize) -> u64 {
    0x7fff_ffff_u64 & (u64::MAX >> (64 - 8 * bytes.min(8)))
}

fn menos_uno(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let bytes = cable.header(cable.mensaje, u64::MAX);
    mentir(banco, "un mensaje con tamaño -1", &bytes)
}

fn dos_gib(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    if cable.tamanio.bytes() < 4 {
        return Ok(Veredicto::no_se_probo("2 GiB no entran en el tamaño de este cable"));
    }
    let bytes = cable.header(cable.mensaje, enorme(4));
    mentir(banco, "un mensaje con tamaño 2147483647, y nada detrás", &bytes)
}

/// Un paquete de un valor que dice medir eso y tiene 8 bytes.
fn con_largo(banco: &Banco<'_>, largo: u64) -> Vec<u8> {
    let cable = &banco.plan.descripcion.cable;
    let payload = [cable.entero(cable.largo, largo), b"tp0-aca\0".to_vec()].concat();
    cable.con_payload(cable.paquete, &payload)
}

fn largo_enorme(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let bytes = con_largo(banco, enorme(banco.plan.descripcion.cable.largo.bytes()));
    mentir(banco, "un paquete cuyo valor dice un largo enorme", &bytes)
}

fn largo_negativo(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let bytes = con_largo(banco, u64::MAX);
    mentir(banco, "un paquete cuyo valor dice medir -1", &bytes)
}

fn largo_de_mas(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let bytes = con_largo(banco, 11);
    mentir(banco, "un paquete cuyo valor dice medir 11 y tiene 8 bytes", &bytes)
}
