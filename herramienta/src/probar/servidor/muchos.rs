//! Muchos clientes: uno tras otro, a la vez, y lo que dejan al irse.

use crate::descripcion::Perfil;
use crate::probar::banco::Banco;
use crate::probar::caso::{Caso, Consejo, Guia, Paso, Veredicto};
use crate::probar::par::{Cierre, Par};
use crate::sistema::proc;
use crate::sistema::programa::Programa;

pub(super) const CASOS: &[Caso] = &[
    Caso {
        numero: "S24",
        titulo: "un cliente tras otro",
        hace: "tres clientes, cada uno cuando el anterior ya se fue",
        pide: "que muestre lo de los tres",
        causa: "el servidor termina, o deja de aceptar, cuando se va su primer cliente",
        cambiar: "poné el accept adentro del while, y un hilo para cada cliente; al que atiende a uno solo, como el del TP0, probalo sin --perfil tp",
        guia: Guia::Sockets("Multiplexando ando"),
        con_paquete: false,
        perfil: Some(Perfil::Tp),
        correr: uno_tras_otro,
    },
    Caso {
        numero: "S25",
        titulo: "diez a la vez",
        hace: "conecta diez clientes, y después habla cada uno",
        pide: "que muestre lo de los diez",
        causa: "atiende de a uno, o los hilos comparten la variable del socket (&socket)",
        cambiar: "un hilo por cliente, con su descriptor en memoria propia (malloc) o pasado por valor",
        guia: Guia::Sockets("Multiplexando ando"),
        con_paquete: false,
        perfil: Some(Perfil::Tp),
        correr: diez_a_la_vez,
    },
    Caso {
        numero: "S26",
        titulo: "lo que queda cuando se fueron cincuenta clientes",
        hace: "hace pasar a cincuenta clientes, y mide antes y después los descriptores, los hilos y la memoria",
        pide: "que queden los mismos",
        causa: "al irse un cliente queda algo suyo: el socket, el hilo, o la memoria de lo que mandó",
        cambiar: "cuando recv da 0 o -1: close del socket y free de lo suyo; y pthread_detach de cada hilo",
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: Some(Perfil::Tp),
        correr: cincuenta,
    },
    Caso {
        numero: "S27",
        titulo: "uno callado y uno que no lee no molestan a los demás",
        hace: "conecta uno que no dice nada y otro que manda sin leer, y después uno bueno",
        pide: "que al bueno se lo atienda igual",
        causa: "se espera al callado (su handshake, o su recv) en el mismo hilo que acepta",
        cambiar: "el handshake va en el hilo de cada cliente, después de accept, y no en el que acepta",
        guia: Guia::Sockets("Multiplexando ando"),
        con_paquete: false,
        perfil: Some(Perfil::Tp),
        correr: callados,
    },
];

fn uno(banco: &mut Banco<'_>, programa: &mut Programa, que: &str) -> Paso<()> {
    let cliente = banco.cliente();
    let mut par = banco.o_se_cayo(programa, cliente)?;
    let texto = banco.texto();
    banco.mandar_texto(&mut par, &texto);
    banco.exigir(programa, &texto, que)?;
    par.cerrar(Cierre::Orden);
    Ok(())
}

fn uno_tras_otro(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    for numero in 1..=3 {
        let atendido = uno(banco, &mut programa, "lo que se le mandó").and_then(|()| banco.como_quedo(&mut programa));
        atendido.map_err(|mut veredicto| {
            veredicto.detalle = match veredicto.por_no_seguir {
                true => format!("{}, cuando se fue el cliente {numero}", veredicto.detalle),
                false => format!("con el cliente {numero} de 3: {}", veredicto.detalle),
            };
            // Acá la causa es la del caso.
            veredicto.consejo = None;
            veredicto
        })?;
    }
    Ok(Veredicto::bien())
}

fn diez_a_la_vez(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    let mut pares: Vec<Par> = Vec::new();
    for numero in 1..=10 {
        let cliente = banco.cliente();
        let par = banco.o_se_cayo(&mut programa, cliente).map_err(|mut veredicto| {
            veredicto.detalle = format!("con {} ya conectados, al {numero}: {}", numero - 1, veredicto.detalle);
            veredicto
        })?;
        pares.push(par);
    }
    let textos: Vec<String> = pares
        .iter_mut()
        .map(|par| {
            let texto = banco.texto();
            banco.mandar_texto(par, &texto);
            texto
        })
        .collect();
    for (indice, texto) in textos.iter().enumerate() {
        banco.exigir(&mut programa, texto, &format!("lo del cliente {} de 10", indice + 1))?;
    }
    pares.into_iter().for_each(|par| par.cerrar(Cierre::Orden));
    banco.como_quedo(&mut programa)?;
    Ok(Veredicto::bien())
}

/// Lo que un programa tiene en uso.
#[derive(Debug, Clone, Copy)]
struct EnUso {
    descriptores: usize,
    hilos: u64,
    memoria: u64,
    zombis: usize,
}

fn en_uso(programa: &Programa) -> EnUso {
    let (zombis, vivos): (Vec<i32>, Vec<i32>) = programa.familia().into_iter().partition(|pid| proc::es_zombi(*pid));
    let sumar = |cual| vivos.iter().filter_map(|pid| proc::cantidad(*pid, cual)).sum();
    EnUso {
        descriptores: vivos.iter().map(|pid| proc::descriptores(*pid).len()).sum(),
        hilos: sumar("Threads"),
        memoria: sumar("VmRSS"),
        zombis: zombis.len(),
    }
}

fn tanda(banco: &mut Banco<'_>, programa: &mut Programa, cuantos: usize) -> Paso<EnUso> {
    let payload = "m".repeat(40_000);
    for _ in 0..cuantos {
        let cliente = banco.cliente();
        let mut par = banco.o_se_cayo(programa, cliente)?;
        let texto = banco.texto();
        let bytes = banco.plan.descripcion.cable.texto(&format!("{texto} {payload}"));
        par.mandar(if banco.plan.descripcion.cable.tamanio.bytes() < 4 { &[] } else { &bytes });
        par.cerrar(Cierre::Orden);
    }
    banco.como_quedo(programa)?;
    Ok(en_uso(programa))
}

const SIN_CERRAR: Consejo = Consejo {
    causa: "falta el close del socket de cada cliente que se va",
    cambiar: "cuando recv da 0 o -1, close del socket de ese cliente, por cualquier salida",
};
const HILOS_QUE_QUEDAN: Consejo = Consejo {
    causa: "el hilo de cada cliente no termina cuando el cliente se va",
    cambiar: "cuando recv da 0 o -1, salí del while y terminá el hilo; y pthread_detach al crearlo, o nadie lo libera",
};
const SIN_LIBERAR: Consejo = Consejo {
    causa: "falta el free de lo recibido, o pthread_detach de cada hilo",
    cambiar: "free de cada payload que se terminó de usar, también si se corta; y pthread_detach al crear cada hilo",
};

fn cincuenta(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    const CLIENTES: usize = 50;
    /// Lo que crece sin que nadie pierda: una tabla, la memoria de cada hilo que el sistema guarda para el próximo.
    const HOLGURA: usize = 20;
    const HOLGURA_DE_MEMORIA: u64 = 1 << 20;
    let mut programa = banco.servidor()?;
    let antes = tanda(banco, &mut programa, 5)?;
    let entre = tanda(banco, &mut programa, CLIENTES)?;
    let quedan = |antes: usize, despues: usize| despues.saturating_sub(antes);
    let descriptores = quedan(antes.descriptores, entre.descriptores);
    if descriptores >= HOLGURA {
        let detalle = format!("se fueron {CLIENTES} clientes y quedaron {descriptores} descriptores abiertos de más");
        return Ok(Veredicto::pierde(detalle).con(SIN_CERRAR));
    }
    let hilos = entre.hilos.saturating_sub(antes.hilos);
    if hilos >= crate::cable::en_u64(HOLGURA) {
        let detalle = format!("se fueron {CLIENTES} clientes y quedaron {hilos} hilos de más");
        return Ok(Veredicto::pierde(detalle).con(HILOS_QUE_QUEDAN));
    }
    let zombis = quedan(antes.zombis, entre.zombis);
    if zombis >= HOLGURA {
        banco.observar(format!(
            "se fueron {CLIENTES} clientes y quedaron {zombis} procesos hijos sin esperar (zombis): falta waitpid"
        ));
    }
    // La memoria se estabiliza: sólo pierde la que crece igual en una segunda tanda.
    let despues = tanda(banco, &mut programa, CLIENTES)?;
    let crecio = |antes: EnUso, despues: EnUso| despues.memoria.saturating_sub(antes.memoria);
    if crecio(antes, entre) > HOLGURA_DE_MEMORIA && crecio(entre, despues) > HOLGURA_DE_MEMORIA {
        let en_kib = crecio(entre, despues) >> 10;
        let detalle = format!("con cada tanda de {CLIENTES} clientes crece: la última, {en_kib} KiB de memoria");
        return Ok(Veredicto::pierde(detalle).con(SIN_LIBERAR));
    }
    Ok(Veredicto::bien())
}

fn callados(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    let callado = banco.conectar()?;
    banco.enviado.push("un cliente que se conecta y no dice nada".to_owned());
    uno(banco, &mut programa, "lo de un cliente, con otro conectado y callado").map_err(|v| con_otro(v, "callado"))?;
    let cliente = banco.cliente();
    let mut sordo = banco.o_se_cayo(&mut programa, cliente)?;
    sordo.achicar();
    let cable = &banco.plan.descripcion.cable;
    let con_paquetes = banco.plan.descripcion.con_paquetes;
    let suyo = if con_paquetes { cable.paquete_de_textos(&["de uno", "que no lee"]) } else { cable.texto("no leo") };
    banco.anotar("cien veces eso, de un cliente que no lee lo que le contestan", &suyo);
    for _ in 0..100 {
        sordo.mandar(&suyo);
    }
    uno(banco, &mut programa, "lo de un cliente, con otro que no lee").map_err(|v| con_otro(v, "que no lee"))?;
    drop((callado, sordo));
    banco.como_quedo(&mut programa)?;
    Ok(Veredicto::bien())
}

fn con_otro(mut veredicto: Box<Veredicto>, como: &str) -> Box<Veredicto> {
    veredicto.detalle = format!("con otro conectado, {como}: {}", veredicto.detalle);
    veredicto
}
