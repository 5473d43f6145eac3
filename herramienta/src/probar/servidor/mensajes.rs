//! Escuchar, presentarse y mostrar lo que llega, venga como venga.

use crate::probar::banco::{Banco, en_hexa};
use crate::probar::caso::{Caso, Guia, Paso, Veredicto};
use crate::probar::par::{Cierre, Leido, Par};
use crate::sistema::programa::Programa;

pub(super) const CASOS: &[Caso] = &[
    Caso {
        numero: "S01",
        titulo: "escucha a tiempo en su puerto",
        hace: "arranca el programa y mira en qué puerto escucha",
        pide: "que en lo que se espera esté escuchando en el suyo",
        causa: "bind o listen fallaron y nadie miró el -1, o el puerto es otro",
        cambiar: "mirá lo que devuelven getaddrinfo, socket, bind y listen, y terminá con un mensaje si es -1",
        guia: Guia::Sockets("bind() y listen()"),
        con_paquete: false,
        perfil: None,
        correr: escucha,
    },
    Caso {
        numero: "S02",
        titulo: "contesta el handshake, y rechaza el equivocado",
        hace: "manda el handshake, y a otra corrida, uno equivocado",
        pide: "un 0 al bueno; al otro, un -1 o que cierre",
        causa: "se contesta sin mirar qué llegó, o no se contesta",
        cambiar: "compará el entero recibido con el esperado: contestá 0 si es, y -1 y close si no",
        guia: Guia::Sockets("Protocolo de comunicación"),
        con_paquete: false,
        perfil: None,
        correr: handshake,
    },
    Caso {
        numero: "S03",
        titulo: "muestra un mensaje",
        hace: "manda un texto con su '\\0'",
        pide: "que se vea en la salida o en un .log",
        causa: "no se lee lo que dice el header, o no se muestra",
        cambiar: "leé el código, el tamaño y esa cantidad de bytes, y mostralos con log_info o printf",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: un_mensaje,
    },
    Caso {
        numero: "S04",
        titulo: "muestra los valores de un paquete",
        hace: "manda un paquete de tres textos",
        pide: "que se vean los tres",
        causa: "el desplazamiento no avanza el largo y el valor, o se pierde el último",
        cambiar: "recorré el payload: largo, valor, largo, valor... mientras el desplazamiento no llegue al tamaño",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: true,
        perfil: None,
        correr: un_paquete,
    },
    Caso {
        numero: "S05",
        titulo: "un mensaje de a un byte",
        hace: "manda el mensaje de a un byte",
        pide: "que se vea entero",
        causa: "recv devolvió menos bytes de los pedidos y se siguió como si estuvieran todos",
        cambiar: "pasale MSG_WAITALL a cada recv, o llamalo en un ciclo hasta tener todo",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: mensaje_de_a_uno,
    },
    Caso {
        numero: "S06",
        titulo: "un paquete de a un byte",
        hace: "manda el paquete de a un byte",
        pide: "que se vean todos sus valores",
        causa: "recv devolvió menos bytes de los pedidos y se siguió como si estuvieran todos",
        cambiar: "pasale MSG_WAITALL a cada recv, o llamalo en un ciclo hasta tener todo",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: true,
        perfil: None,
        correr: paquete_de_a_uno,
    },
    Caso {
        numero: "S07",
        titulo: "varios mensajes en un mismo segmento",
        hace: "manda cuatro mensajes con un solo send",
        pide: "que se vean todos",
        causa: "recv pide más de lo que dice el header y se lleva el principio del mensaje siguiente",
        cambiar: "pedí exactamente los bytes del header, y después exactamente los que dice el tamaño",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: varios_juntos,
    },
    Caso {
        numero: "S08",
        titulo: "un texto de 200 kB",
        hace: "manda un mensaje de 200000 bytes, con un texto al principio y otro al final",
        pide: "que se vean los dos",
        causa: "el texto va a un buffer de tamaño fijo, o un solo recv no lo trajo todo",
        cambiar: "reservá lo que dice el tamaño (con un tope razonable) y recibilo con MSG_WAITALL",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: texto_largo,
    },
    Caso {
        numero: "S18",
        titulo: "un código que no existe, y después un mensaje",
        hace: "manda un código que el programa no conoce, sin payload, y después un texto",
        pide: "que muestre el texto, o que cierre la conexión",
        causa: "lo que seguía al código desconocido quedó en el cable y se leyó como otro código",
        cambiar: "en el default del switch, leé el tamaño y descartá esos bytes, o cerrá la conexión",
        guia: Guia::Sockets("Protocolo de comunicación"),
        con_paquete: false,
        perfil: None,
        correr: codigo_desconocido,
    },
    Caso {
        numero: "S19",
        titulo: "un mensaje vacío",
        hace: "manda un mensaje de tamaño 0, y después un texto",
        pide: "que muestre el texto, o que cierre la conexión",
        causa: "con tamaño 0 se usa un buffer sin bytes, o se toma el 0 de recv por una desconexión y se sigue",
        cambiar: "un tamaño 0 es legal: no llames a recv con 0, y no muestres un buffer sin '\\0'",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: mensaje_vacio,
    },
    Caso {
        numero: "S20",
        titulo: "un paquete vacío",
        hace: "manda un paquete sin valores, y después un texto",
        pide: "que muestre el texto, o que cierre la conexión",
        causa: "se lee el largo de un primer valor que no está",
        cambiar: "recorré con while (desplazamiento < tamaño): con 0 no entra ninguna vez",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: true,
        perfil: None,
        correr: paquete_vacio,
    },
];

fn escucha(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    banco.como_quedo(&mut programa)?;
    Ok(Veredicto::bien())
}

/// Uno que no es el del programa.
const EQUIVOCADO: i32 = 77_777;

fn handshake(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    if banco.plan.handshake.is_none() {
        return Ok(Veredicto::no_se_probo("el programa no tiene handshake"));
    }
    let mut programa = banco.servidor()?;
    let saludo = banco.cliente();
    banco.o_se_cayo(&mut programa, saludo)?.cerrar(Cierre::Orden);
    banco.como_quedo(&mut programa)?;
    drop(programa);

    let mut programa = banco.servidor()?;
    let mut par = banco.conectar()?;
    let bytes = banco.bytes_del_handshake(EQUIVOCADO);
    banco.anotar(&format!("handshake {EQUIVOCADO}, que no es"), &bytes);
    par.mandar(&bytes);
    let respuesta = par.leer(4);
    par.cerrar(Cierre::Orden);
    banco.como_quedo(&mut programa)?;
    match respuesta {
        Leido::Todo(bytes) if bytes == [0; 4] => {
            Ok(Veredicto::pierde(format!("aceptó el handshake {EQUIVOCADO}, que no es el suyo")))
        }
        Leido::Nada(_) => Ok(Veredicto::pierde("a un handshake equivocado no contestó, ni cerró")),
        Leido::Todo(bytes) => {
            if bytes != [0xff; 4] {
                banco.observar(format!("rechaza el handshake con {} y no con -1", en_hexa(&bytes)));
            }
            Ok(Veredicto::bien())
        }
        Leido::Cerro(_) => Ok(Veredicto::bien()),
    }
}

/// Cómo salen los bytes.
#[derive(Clone, Copy)]
enum Ritmo {
    Juntos,
    DeAUno,
}

/// Un texto que se tiene que ver, y cómo se lo nombra si no se ve.
struct Esperado {
    que: String,
    texto: String,
}

impl Esperado {
    fn nuevo(que: impl Into<String>, texto: String) -> Self {
        Self { que: que.into(), texto }
    }
}

/// Manda eso, y todo lo que dice se tiene que ver: enseguida, o cuando el cliente se va.
fn mandar_y_ver(
    banco: &mut Banco<'_>,
    palabras: &str,
    bytes: &[u8],
    esperados: &[Esperado],
    ritmo: Ritmo,
) -> Paso<Veredicto> {
    let mut programa = banco.servidor()?;
    let cliente = banco.cliente();
    let mut par = banco.o_se_cayo(&mut programa, cliente)?;
    banco.anotar(palabras, bytes);
    match ritmo {
        Ritmo::Juntos => par.mandar(bytes),
        Ritmo::DeAUno => par.mandar_de_a_uno(bytes),
    };
    let visto = ver_todos(banco, &mut programa, esperados);
    par.cerrar(Cierre::Orden);
    if visto.is_err() {
        // Hay quien lo muestra al final.
        ver_todos(banco, &mut programa, esperados)?;
    }
    banco.como_quedo(&mut programa)?;
    Ok(Veredicto::bien())
}

fn ver_todos(banco: &mut Banco<'_>, programa: &mut Programa, esperados: &[Esperado]) -> Paso<()> {
    esperados.iter().try_for_each(|esperado| banco.exigir(programa, &esperado.texto, &esperado.que))
}

fn armar_mensaje(banco: &mut Banco<'_>) -> (Vec<u8>, Vec<Esperado>) {
    let texto = banco.texto();
    (banco.plan.descripcion.cable.texto(&texto), vec![Esperado::nuevo("el texto", texto)])
}

fn armar_paquete(banco: &mut Banco<'_>) -> (Vec<u8>, Vec<Esperado>) {
    let textos: Vec<String> = (0..3).map(|_| banco.texto()).collect();
    let prestados: Vec<&str> = textos.iter().map(String::as_str).collect();
    let bytes = banco.plan.descripcion.cable.paquete_de_textos(&prestados);
    let nombrar = |(indice, texto)| Esperado::nuevo(format!("el valor {} de 3", indice + 1), texto);
    (bytes, textos.into_iter().enumerate().map(nombrar).collect())
}

fn un_mensaje(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (bytes, esperados) = armar_mensaje(banco);
    mandar_y_ver(banco, "un mensaje", &bytes, &esperados, Ritmo::Juntos)
}

fn un_paquete(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (bytes, esperados) = armar_paquete(banco);
    mandar_y_ver(banco, "un paquete de tres valores", &bytes, &esperados, Ritmo::Juntos)
}

fn mensaje_de_a_uno(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (bytes, esperados) = armar_mensaje(banco);
    mandar_y_ver(banco, "un mensaje, de a un byte", &bytes, &esperados, Ritmo::DeAUno)
}

fn paquete_de_a_uno(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (bytes, esperados) = armar_paquete(banco);
    mandar_y_ver(banco, "un paquete, de a un byte", &bytes, &esperados, Ritmo::DeAUno)
}

fn varios_juntos(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (mut bytes, mut esperados) = (Vec::new(), Vec::new());
    for numero in 1..=4 {
        let texto = banco.texto();
        bytes.extend(banco.plan.descripcion.cable.texto(&texto));
        esperados.push(Esperado::nuevo(format!("el mensaje {numero} de 4"), texto));
    }
    mandar_y_ver(banco, "cuatro mensajes, con un solo send", &bytes, &esperados, Ritmo::Juntos)
}

fn texto_largo(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    const LARGO: usize = 200_000;
    let cable = &banco.plan.descripcion.cable;
    if cable.tamanio.bytes() < 4 {
        return Ok(Veredicto::no_se_probo(format!(
            "200 kB no entran en un tamaño de {}",
            crate::cable::en_bytes(cable.tamanio.bytes())
        )));
    }
    let (principio, fin) = (banco.texto(), banco.texto());
    let relleno = "x".repeat(LARGO.saturating_sub(principio.len() + fin.len() + 3));
    let bytes = banco.plan.descripcion.cable.texto(&format!("{principio} {relleno} {fin}"));
    let esperados = [
        Esperado::nuevo("ni el principio del texto", principio),
        Esperado::nuevo("el final del texto, y el principio sí", fin),
    ];
    mandar_y_ver(banco, "un texto de 200000 bytes con su '\\0'", &bytes, &esperados, Ritmo::Juntos)
}

/// Manda eso y después un texto: se tiene que ver, si la conexión sigue.
fn y_despues_un_texto(banco: &mut Banco<'_>, palabras: &str, bytes: &[u8]) -> Paso<bool> {
    let mut programa = banco.servidor()?;
    let cliente = banco.cliente();
    let mut par = banco.o_se_cayo(&mut programa, cliente)?;
    banco.anotar(palabras, bytes);
    par.mandar(bytes);
    let reposo = programa.reposar();
    if let Some(veredicto) = banco.juzgar(&mut programa, reposo) {
        return Err(Box::new(veredicto));
    }
    let texto = banco.texto();
    banco.mandar_texto(&mut par, &texto);
    let se_vio = se_ve_o_cierra(banco, &mut programa, &mut par, &texto);
    par.cerrar(Cierre::Orden);
    let se_vio = se_vio || programa.mostro(&texto);
    banco.como_quedo(&mut programa)?;
    Ok(se_vio)
}

fn se_ve_o_cierra(banco: &mut Banco<'_>, programa: &mut Programa, par: &mut Par, texto: &str) -> bool {
    let mut cerro = false;
    let visto = programa.hasta_que(banco.espera(), |programa| {
        cerro = par.cerro();
        (cerro || programa.mostro(texto)).then_some(())
    });
    let termino = programa.fin().is_some();
    if cerro || termino {
        banco.observar("cierra la conexión");
    }
    visto.is_some() || termino
}

fn el_texto_se_perdio(banco: &mut Banco<'_>, palabras: &str, bytes: &[u8]) -> Paso<Veredicto> {
    if y_despues_un_texto(banco, palabras, bytes)? {
        return Ok(Veredicto::bien());
    }
    Ok(Veredicto::no_mostro("el mensaje que vino después"))
}

fn codigo_desconocido(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let conocidos = [&[cable.mensaje, cable.paquete], cable.codigos.as_slice()].concat();
    // Grande, para que no sea uno de los que el programa tiene y no se contaron.
    let Some(codigo) = (100..=u64::from(u8::MAX)).rev().find(|codigo| !conocidos.contains(codigo)) else {
        return Ok(Veredicto::no_se_probo("el programa conoce todos los códigos"));
    };
    let (entero, solo) = (cable.header(codigo, 0), cable.entero(cable.codigo, codigo));
    if y_despues_un_texto(banco, &format!("código {codigo}, tamaño 0"), &entero)? {
        return Ok(Veredicto::bien());
    }
    // Quien del código desconocido lee el código y nada más espera que no traiga tamaño: es otro protocolo, y no una falla.
    if y_despues_un_texto(banco, &format!("código {codigo}, sin tamaño"), &solo)? {
        banco.observar(
            "de un código que no conoce lee el código y nada más: el tamaño, si viene, lo toma por otro código",
        );
        return Ok(Veredicto::bien());
    }
    Ok(Veredicto::no_mostro("el mensaje que vino después"))
}

fn mensaje_vacio(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let bytes = cable.header(cable.mensaje, 0);
    el_texto_se_perdio(banco, "un mensaje de tamaño 0", &bytes)
}

fn paquete_vacio(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let bytes = cable.header(cable.paquete, 0);
    el_texto_se_perdio(banco, "un paquete de tamaño 0", &bytes)
}
