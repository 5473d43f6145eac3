//! Los casos del cliente: la herramienta hace de servidor, bueno o malo.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::cable::{Ancho, Cable, Orden, en_bytes};
use crate::probar::banco::{Banco, en_hexa};
use crate::probar::caso::{Caso, Consejo, Guia, Paso, Resultado, Veredicto};
use crate::probar::par::{Cerrable, Cierre, Leido, Par};
use crate::sistema::aislar::Aislamiento;
use crate::sistema::programa::{Fin, Programa, Reposo};

pub(super) const SIGPIPE_CAUSA: &str = "send a un socket que el otro ya cerró manda SIGPIPE, que termina al programa";
const SIGPIPE_CAMBIAR: &str = "pasale MSG_NOSIGNAL a cada send, mirá si devolvió -1, y terminá con un mensaje";

pub(crate) const CASOS: &[Caso] = &[
    Caso {
        numero: "C01",
        titulo: "dice exactamente los bytes del protocolo",
        hace: "hace de servidor y lee todo lo que manda",
        pide: "handshake, headers, textos con su '\\0' y largos que cierren, sin un byte de más",
        causa: "el tamaño del header no es el de los bytes que se mandan, o falta el '\\0' (strlen sin + 1)",
        cambiar: "mandá código, tamaño y exactamente ese payload; el tamaño de un texto es strlen + 1",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: bytes_exactos,
    },
    Caso {
        numero: "C02",
        titulo: "nadie escucha",
        hace: "lo corre sin que nadie escuche en el puerto",
        pide: "que termine, y no por una señal",
        causa: "connect devolvió -1 y nadie lo miró: el primer send, en un socket sin conectar, manda SIGPIPE",
        cambiar: "mirá lo que devuelve connect: si es -1, decilo y terminá",
        guia: Guia::Sockets("accept() y connect()"),
        con_paquete: false,
        perfil: None,
        correr: nadie_escucha,
    },
    Caso {
        numero: "C03",
        titulo: "el servidor cierra enseguida",
        hace: "acepta y cierra",
        pide: "que no lo mate SIGPIPE, ni gire",
        causa: SIGPIPE_CAUSA,
        cambiar: SIGPIPE_CAMBIAR,
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: cierra_enseguida,
    },
    Caso {
        numero: "C04",
        titulo: "el servidor corta enseguida con un RST",
        hace: "acepta y corta",
        pide: "que no se caiga ni gire",
        causa: SIGPIPE_CAUSA,
        cambiar: SIGPIPE_CAMBIAR,
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: corta_enseguida,
    },
    Caso {
        numero: "C05",
        titulo: "el servidor corta en medio de la charla",
        hace: "contesta el handshake y corta; y en otra corrida, corta después del primer mensaje",
        pide: "que no lo mate SIGPIPE, ni gire",
        causa: SIGPIPE_CAUSA,
        cambiar: SIGPIPE_CAMBIAR,
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: corta_en_el_medio,
    },
    Caso {
        numero: "C06",
        titulo: "le rechazan el handshake",
        hace: "contesta -1 y cierra",
        pide: "que no se caiga ni gire",
        causa: "se sigue como si el servidor hubiera aceptado: se usa lo que no llegó, o el send siguiente manda SIGPIPE",
        cambiar: "si la respuesta no es 0, cerrá el socket, decilo y terminá",
        guia: Guia::Sockets("Protocolo de comunicación"),
        con_paquete: false,
        perfil: None,
        correr: rechazado,
    },
    Caso {
        numero: "C07",
        titulo: "el servidor no contesta nunca",
        hace: "acepta, y no dice nada",
        pide: "que no se caiga ni gire",
        causa: "se pregunta una y otra vez si llegó algo, sin esperar",
        cambiar: "dejá que recv espere: sin MSG_DONTWAIT",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: nunca_contesta,
    },
    Caso {
        numero: "C08",
        titulo: "la respuesta llega de a un byte",
        hace: "contesta bien, de a un byte",
        pide: "que siga la charla igual",
        causa: "recv devolvió 1 byte y se usó el entero como si estuviera completo",
        cambiar: "pasale MSG_WAITALL a cada recv",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: respuesta_de_a_uno,
    },
    Caso {
        numero: "C09",
        titulo: "una respuesta con tamaños que mienten",
        hace: "contesta con tamaño -1, con 2 GiB, y con un valor de largo enorme",
        pide: "que no se caiga, ni gire, ni reserve 2 GiB",
        causa: "el tamaño o el largo se usan en malloc y memcpy sin mirarlos",
        cambiar: "compará el tamaño con un tope, y cada largo con lo que queda del payload",
        guia: Guia::Serializacion("Estructuras dinámicas"),
        con_paquete: false,
        perfil: None,
        correr: respuesta_que_miente,
    },
    Caso {
        numero: "C10",
        titulo: "un servidor que lee despacio",
        hace: "no lee hasta que el cliente se queda esperando, y con poco lugar",
        pide: "que llegue todo",
        causa: "send devolvió menos de lo pedido, o el socket no espera (O_NONBLOCK), y el resto no se mandó",
        cambiar: "llamá a send en un ciclo hasta mandar todo",
        guia: Guia::Sockets("send() y recv()"),
        con_paquete: false,
        perfil: None,
        correr: lectura_lenta,
    },
    Caso {
        numero: "C11",
        titulo: "no deja sockets abiertos al terminar",
        hace: "lo detiene cuando está por terminar y mira qué dejó abierto",
        pide: "ningún socket",
        causa: "falta el close del socket, en el final o en alguna salida por error",
        cambiar: "close(conexion) antes de terminar",
        guia: Guia::Sockets("close()"),
        con_paquete: false,
        perfil: None,
        correr: sin_cerrar,
    },
];

/// Código y payload.
type Mensaje = (u64, Vec<u8>);

/// Lo que un cliente dijo.
#[derive(Debug, Default)]
pub(crate) struct Dicho {
    pub(crate) saludo: Vec<u8>,
    pub(crate) despues: Vec<u8>,
}

impl Dicho {
    /// Los mensajes, o qué no cierra si algo no cierra.
    fn mensajes(&self, cable: &Cable) -> Result<Vec<Mensaje>, String> {
        let (mensajes, no_cierra) = self.separar(cable);
        no_cierra.map_or(Ok(mensajes), Err)
    }

    /// Los mensajes hasta donde se entienden, y qué no cierra después.
    fn separar(&self, cable: &Cable) -> (Vec<Mensaje>, Option<String>) {
        let mut mensajes = Vec::new();
        let mut resto = self.despues.as_slice();
        while !resto.is_empty() {
            let Some(header) = cable.leer_header(resto) else {
                let que = format!(
                    "llegó {}, que no alcanza para un header: se esperaba un código de {} y un tamaño de {}",
                    en_hexa(resto),
                    en_bytes(cable.codigo.bytes()),
                    en_bytes(cable.tamanio.bytes())
                );
                return (mensajes, Some(que));
            };
            let detras = resto.get(cable.largo_del_header()..).unwrap_or_default();
            let Some((payload, siguiente)) =
                usize::try_from(header.tamanio).ok().and_then(|tamanio| detras.split_at_checked(tamanio))
            else {
                let que = format!(
                    "el header {} dice que siguen {} bytes, y llegaron {}",
                    en_hexa(resto.get(..cable.largo_del_header()).unwrap_or_default()),
                    header.tamanio,
                    detras.len()
                );
                return (mensajes, Some(que));
            };
            mensajes.push((header.codigo, payload.to_vec()));
            resto = siguiente;
        }
        (mensajes, None)
    }
}

/// Escucha en el puerto del servidor.
fn escuchar(banco: &Banco<'_>, lento: bool) -> Paso<Cerrable<TcpListener>> {
    let puerto = banco.plan.descripcion.puerto;
    // En la red de la máquina, sólo desde ella misma.
    let ip = if banco.plan.aislamiento == Aislamiento::Ninguno { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    let abrir = || -> std::io::Result<TcpListener> {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if lento {
            socket.set_recv_buffer_size(4096)?;
        }
        socket.bind(&SocketAddr::from((ip, puerto)).into())?;
        socket.listen(16)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    abrir().map(Cerrable::nuevo).map_err(|causa| {
        let causa = crate::falla::en_castellano(&causa);
        Box::new(Veredicto::no_se_probo(format!("No pude escuchar en el puerto {puerto}: {causa}.")))
    })
}

/// Un servidor y el programa conectado a él.
struct Charla {
    programa: Programa,
    par: Par,
    _escucha: Cerrable<TcpListener>,
}

/// Por qué no hay con quién hablar.
#[derive(Debug)]
pub(crate) enum NoVino {
    /// La herramienta no pudo: la frase entera.
    NoPude(String),
    Termino(Fin),
    NoSeConecto,
}

impl NoVino {
    fn veredicto(self) -> Box<Veredicto> {
        Box::new(match self {
            Self::NoPude(que) => Veredicto::no_se_probo(que),
            Self::Termino(Fin::Senial(senial)) => Veredicto::senial(senial, ", sin haberse conectado"),
            Self::Termino(Fin::Codigo(codigo)) => {
                Veredicto::no_se_probo(format!("esta vez terminó con {codigo} sin conectarse"))
            }
            Self::NoSeConecto => Veredicto::no_se_probo("esta vez no se conectó a tiempo"),
        })
    }
}

fn recibir_al_cliente(banco: &mut Banco<'_>, lento: bool, al_final: bool) -> Paso<Charla> {
    esperar_al_cliente(banco, lento, al_final).map_err(NoVino::veredicto)
}

fn esperar_al_cliente(banco: &mut Banco<'_>, lento: bool, al_final: bool) -> Result<Charla, NoVino> {
    let no_pude = |veredicto: Box<Veredicto>| NoVino::NoPude(veredicto.detalle);
    let escucha = escuchar(banco, lento).map_err(no_pude)?;
    let mut programa = banco.programa(al_final).map_err(no_pude)?;
    let espera = banco.espera();
    let aceptado = programa.hasta_que(espera, |_| escucha.abierto().ok()?.accept().ok());
    let Some((socket, _)) = aceptado else {
        banco.guardar(&mut programa);
        return Err(programa.fin().map_or(NoVino::NoSeConecto, NoVino::Termino));
    };
    let par = socket.set_nonblocking(false).and_then(|()| Par::de(socket, espera));
    let par = par.map_err(|causa| NoVino::NoPude(crate::falla::en_castellano(&causa)))?;
    Ok(Charla { programa, par, _escucha: escucha })
}

/// Cómo contesta la herramienta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Respuestas {
    Juntas,
    DeAUno,
    /// Ninguna, a los mensajes.
    Ninguna,
}

impl Charla {
    /// Lee el handshake y contesta eso.
    fn saludo(&mut self, banco: &mut Banco<'_>, respuesta: &[u8], como: Respuestas) -> Paso<Vec<u8>> {
        if banco.plan.handshake.is_none() {
            return Ok(Vec::new());
        }
        let saludo = self.leer_saludo(banco)?;
        banco.anotar("respuesta al handshake", respuesta);
        match como {
            Respuestas::DeAUno => self.par.mandar_de_a_uno(respuesta),
            Respuestas::Juntas | Respuestas::Ninguna => self.par.mandar(respuesta),
        };
        Ok(saludo)
    }

    fn leer_saludo(&mut self, banco: &mut Banco<'_>) -> Paso<Vec<u8>> {
        let parte = match self.par.leer(4) {
            Leido::Todo(saludo) => return Ok(saludo),
            Leido::Cerro(parte) | Leido::Nada(parte) => parte,
        };
        let reposo = self.programa.reposar();
        if let Some(veredicto) = banco.juzgar(&mut self.programa, reposo) {
            return Err(Box::new(veredicto));
        }
        let espera = format!("se esperaba el handshake {}", en_hexa(&banco.handshake_esperado()));
        Err(Box::new(match (parte.as_slice(), self.programa.fin()) {
            ([], None) => Veredicto::sin_saludo_de_nadie(format!("se conectó y no mandó nada; {espera}")),
            ([], Some(_)) => Veredicto::sin_saludo(format!("terminó sin mandar nada; {espera}")).con(OTRO_HANDSHAKE),
            (parte, _) => Veredicto::sin_saludo(format!("llegó {}; {espera}", en_hexa(parte))).con(OTRO_HANDSHAKE),
        }))
    }

    /// Lee hasta que el cliente se va o se queda esperando, y le contesta un mensaje si parece esperarlo.
    fn escuchar_todo(&mut self, banco: &mut Banco<'_>, como: Respuestas) -> Vec<u8> {
        let mut dicho = Vec::new();
        let mut contestado = como == Respuestas::Ninguna;
        let hasta = Instant::now() + banco.espera() * 4;
        while Instant::now() < hasta {
            match self.par.leer_en(1 << 20, Duration::from_millis(50)) {
                Leido::Todo(bytes) => dicho.extend(bytes),
                Leido::Cerro(bytes) => {
                    dicho.extend(bytes);
                    break;
                }
                Leido::Nada(bytes) if !bytes.is_empty() => dicho.extend(bytes),
                Leido::Nada(_) => match self.programa.reposar() {
                    Reposo::Calmo if !contestado => {
                        contestado = true;
                        let respuesta = banco.plan.descripcion.cable.texto("tp0: recibido");
                        banco.anotar("una respuesta", &respuesta);
                        if como == Respuestas::DeAUno {
                            self.par.mandar_de_a_uno(&respuesta);
                        } else {
                            self.par.mandar(&respuesta);
                        }
                    }
                    // Contestado y sin nada más que decir. Lo que mandó mientras tanto se lee en la vuelta que sigue.
                    Reposo::Calmo | Reposo::Gira => {
                        let (Leido::Todo(bytes) | Leido::Nada(bytes) | Leido::Cerro(bytes)) =
                            self.par.leer_en(1 << 20, Duration::from_millis(20));
                        if bytes.is_empty() {
                            break;
                        }
                        dicho.extend(bytes);
                    }
                    Reposo::Termino => {}
                },
            }
        }
        dicho
    }

    /// Se va, y mira cómo quedó el programa.
    fn irse(mut self, banco: &mut Banco<'_>, como: Cierre) -> Paso<Programa> {
        self.par.cerrar(como);
        let reposo = self.programa.reposar();
        match banco.juzgar(&mut self.programa, reposo) {
            Some(veredicto) => Err(Box::new(veredicto)),
            None => Ok(self.programa),
        }
    }
}

/// Un cliente que todavía vive cuando la charla terminó: puede estar esperando a su usuario.
fn si_sigue(banco: &mut Banco<'_>, mut programa: Programa) {
    if programa.hasta_el_final(banco.espera() / 2).is_none() {
        banco.observar("el servidor ya se fue, y el cliente sigue corriendo");
    }
}

const OK: [u8; 4] = [0; 4];
/// Un -1, que es igual en los dos órdenes.
const RECHAZO: [u8; 4] = [0xff; 4];

/// Lo que se le da a un cliente, con nadie leyendo, para llenar lo que entra en el camino.
const LO_QUE_TARDA_EN_LLENARSE: Duration = Duration::from_secs(6);

/// Una charla entera, como Dios manda.
fn charlar(banco: &mut Banco<'_>, como: Respuestas, lento: bool, al_final: bool) -> Paso<(Dicho, Charla)> {
    let mut charla = recibir_al_cliente(banco, lento, al_final)?;
    if lento {
        charla.programa.reposar();
    }
    let saludo = charla.saludo(banco, &OK, como)?;
    if lento {
        charla.programa.aquietarse(LO_QUE_TARDA_EN_LLENARSE);
    }
    let despues = charla.escuchar_todo(banco, como);
    Ok((Dicho { saludo, despues }, charla))
}

fn bytes_exactos(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (dicho, charla) = charlar(banco, Respuestas::Juntas, false, false)?;
    let programa = charla.irse(banco, Cierre::Orden)?;
    si_sigue(banco, programa);
    if let Some(veredicto) = otro_handshake(banco, &dicho) {
        return Ok(veredicto);
    }
    let cable = &banco.plan.descripcion.cable;
    let (mensajes, no_cierra) = dicho.separar(cable);
    let con_otro = no_cierra.is_some().then(|| con_otro_cable(cable, &dicho)).flatten();
    if let (Some(que), Some(con_otro)) = (&no_cierra, con_otro) {
        return Ok(Veredicto::pierde(format!("{que}; {con_otro}")).con(OTRO_TAMANIO));
    }
    // Lo primero que está mal: lo que no cierra después puede venir de ahí.
    let mal = mensajes.iter().find_map(|(codigo, payload)| mal_armado(cable, *codigo, payload));
    if let Some(veredicto) = mal.or(no_cierra.map(|que| Veredicto::pierde(que).con(OTRO_TAMANIO))) {
        return Ok(veredicto);
    }
    let se_conoce = |codigo: u64| codigo == cable.mensaje || codigo == cable.paquete || cable.codigos.contains(&codigo);
    let propios: Vec<String> =
        mensajes.iter().filter(|(codigo, _)| !se_conoce(*codigo)).map(|(codigo, _)| codigo.to_string()).collect();
    // Sin un handshake que esté bien, ni un código que se conozca, lo que llegó puede ser cualquier cosa.
    if banco.plan.handshake.is_none() && propios.len() == mensajes.len() {
        let esperado = format!("se esperaba un código {} o {}, o los de --codigos", cable.mensaje, cable.paquete);
        return Ok(match dicho.despues.as_slice() {
            [] => Veredicto::no_se_probo(format!("se conectó y no mandó nada; {esperado}")),
            bytes => Veredicto::no_se_probo(format!("llegó {}; {esperado}", en_hexa(bytes))),
        });
    }
    if !propios.is_empty() {
        let propios = propios.join(",");
        banco.observar(format!("usa códigos que no se contaron (--codigos {propios}): su payload no se miró"));
    }
    if mensajes.is_empty() {
        banco.observar("mandó el handshake, y ningún mensaje");
    }
    Ok(Veredicto::bien())
}

/// Si el handshake no es el que se espera.
fn otro_handshake(banco: &Banco<'_>, dicho: &Dicho) -> Option<Veredicto> {
    banco.plan.handshake?;
    let esperado = banco.handshake_esperado();
    let espera = format!("se esperaba {}", en_hexa(&esperado));
    let al_reves: Vec<u8> = esperado.iter().rev().copied().collect();
    let que = if dicho.saludo == al_reves && al_reves != esperado {
        format!("el handshake llegó al revés, {}; {espera}: uno de los dos lados usa htonl", en_hexa(&dicho.saludo))
    } else if dicho.saludo != esperado {
        format!("el handshake es {}; {espera}", en_hexa(&dicho.saludo))
    } else if mide_ocho(banco, dicho) {
        format!("el handshake mide 8 bytes, {}; {espera}", en_hexa(&[esperado.as_slice(), &OK].concat()))
    } else {
        return None;
    };
    Some(Veredicto::sin_saludo(que).con(OTRO_HANDSHAKE))
}

/// Si detrás del handshake van otros cuatro bytes en cero, y recién después lo demás.
fn mide_ocho(banco: &Banco<'_>, dicho: &Dicho) -> bool {
    let cable = &banco.plan.descripcion.cable;
    let sin_ellos = dicho.despues.strip_prefix(&OK);
    sin_ellos.is_some_and(|resto| {
        dicho.mensajes(cable).is_err() && Dicho { saludo: Vec::new(), despues: resto.to_vec() }.mensajes(cable).is_ok()
    })
}

/// Qué tiene de malo el payload de un mensaje, si es de los que se conocen.
fn mal_armado(cable: &Cable, codigo: u64, payload: &[u8]) -> Option<Veredicto> {
    if codigo == cable.paquete {
        let mal = |que| Veredicto::pierde(format!("en un paquete, {que}")).con(OTRO_LARGO);
        return cable.separar(payload).err().map(mal);
    }
    if codigo != cable.mensaje {
        return None;
    }
    match payload.iter().position(|byte| *byte == 0) {
        None => Some(Veredicto::pierde(format!("un texto va sin su '\\0': {}", en_hexa(payload))).con(SIN_FIN)),
        Some(fin) if fin + 1 != payload.len() => {
            let que = format!("después del '\\0' de un texto van bytes de más: {}", en_hexa(payload));
            Some(Veredicto::pierde(que).con(DE_MAS))
        }
        Some(_) => None,
    }
}

/// Con qué otros anchos u orden lo que dijo se entiende entero, si con alguno.
fn con_otro_cable(cable: &Cable, dicho: &Dicho) -> Option<String> {
    let anchos = [Ancho::U8, Ancho::U16, Ancho::U32, Ancho::U64];
    let todos = anchos.iter().flat_map(|codigo| anchos.iter().map(move |tamanio| (*codigo, *tamanio)));
    let todos = todos.flat_map(|(codigo, tamanio)| {
        let otro = |orden, largo| Cable { codigo, tamanio, orden, largo, ..cable.clone() };
        [Orden::Little, Orden::Big].map(|orden| [otro(orden, cable.largo), otro(orden, tamanio)]).into_iter().flatten()
    });
    let se_entiende = |otro: &Cable| {
        dicho.mensajes(otro).is_ok_and(|mensajes| {
            mensajes.iter().any(|(_, payload)| !payload.is_empty())
                && mensajes.iter().all(|(codigo, payload)| {
                    [otro.mensaje, otro.paquete].contains(codigo) && mal_armado(otro, *codigo, payload).is_none()
                })
        })
    };
    let otro = todos.into_iter().find(se_entiende)?;
    let mut opciones = Vec::new();
    for (nombre, suyo, mio) in [
        ("codigo", otro.codigo, cable.codigo),
        ("tamanio", otro.tamanio, cable.tamanio),
        ("largo", otro.largo, cable.largo),
    ] {
        if suyo != mio {
            opciones.push(format!("--{nombre} u{}", 8 * suyo.bytes()));
        }
    }
    if otro.orden != cable.orden {
        opciones.push(format!("--orden {}", if otro.orden == Orden::Big { "big" } else { "little" }));
    }
    Some(format!("se entiende con {}", opciones.join(" ")))
}

const OTRO_HANDSHAKE: Consejo = Consejo {
    causa: "el handshake no es el entero de 4 bytes que se espera: otro valor, otro ancho (long, size_t, char) u otro orden",
    cambiar: "mandá un int32_t con su valor; si es otro a propósito decilo con --handshake N, y si no hay, con --handshake no",
};
const OTRO_TAMANIO: Consejo = Consejo {
    causa: "el tamaño del header no es el de los bytes que siguen, o el código o el tamaño tienen otro ancho (long, size_t, char)",
    cambiar: "mandá código, tamaño y exactamente esa cantidad de bytes; si tu protocolo usa otros anchos, decilos con --codigo y --tamanio",
};
const OTRO_LARGO: Consejo = Consejo {
    causa: "el largo que va delante de un valor no es el de sus bytes, o tiene otro ancho",
    cambiar: "delante de cada valor mandá su largo exacto; si tu protocolo usa otro ancho, decilo con --largo",
};
const SIN_FIN: Consejo = Consejo {
    causa: "el tamaño de un texto es strlen, que no cuenta el '\\0'",
    cambiar: "mandá strlen + 1 bytes, y que el tamaño del header sea ése",
};
const DE_MAS: Consejo = Consejo {
    causa: "se manda todo el buffer y no sólo el texto, o el tamaño del header es mayor que el texto",
    cambiar: "el tamaño de un texto es strlen + 1, mida lo que mida el lugar donde está, y se mandan exactamente esos bytes",
};

fn nadie_escucha(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut programa = banco.programa(false)?;
    banco.enviado.push("nada: en el puerto no escucha nadie".to_owned());
    let reposo = programa.reposar();
    if let Some(veredicto) = banco.juzgar(&mut programa, reposo) {
        return Ok(veredicto);
    }
    // Hay quien reintenta un rato.
    let fin = programa.hasta_el_final(banco.espera() * 3);
    banco.guardar(&mut programa);
    match fin {
        None => {
            let que = "sin servidor, siguió corriendo";
            Ok(Veredicto::nuevo(Resultado::NoTermina, que).con(INSISTE))
        }
        Some(Fin::Senial(senial)) => Ok(Veredicto::senial(senial, "")),
        Some(Fin::Codigo(codigo)) => {
            if codigo == 0 && !super::avisa(&programa.renglones()) {
                banco.observar("termina con 0 y no dice que no se pudo conectar");
            }
            Ok(Veredicto::bien())
        }
    }
}

const INSISTE: Consejo = Consejo {
    causa: "se insiste con connect sin un límite, o se siguió como si se hubiera conectado",
    cambiar: "después de unos intentos decilo y terminá; si insiste un buen rato a propósito, probalo con más --espera",
};

fn irse_de_entrada(banco: &mut Banco<'_>, como: Cierre) -> Paso<Veredicto> {
    let charla = recibir_al_cliente(banco, false, false)?;
    banco.enviado.push(if como == Cierre::Rst { "un RST" } else { "un FIN" }.to_owned());
    let programa = charla.irse(banco, como)?;
    si_sigue(banco, programa);
    Ok(Veredicto::bien())
}

fn cierra_enseguida(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    irse_de_entrada(banco, Cierre::Close)
}

fn corta_enseguida(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    irse_de_entrada(banco, Cierre::Rst)
}

fn corta_en_el_medio(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    for tras_un_mensaje in [false, true] {
        let mut charla = recibir_al_cliente(banco, false, false)?;
        if tras_un_mensaje {
            charla.saludo(banco, &OK, Respuestas::Juntas)?;
            let header = banco.plan.descripcion.cable.largo_del_header();
            charla.par.leer(header);
            charla.programa.senial(Signal::SIGSTOP);
        } else if banco.plan.handshake.is_some() {
            charla.par.leer(4);
            charla.programa.senial(Signal::SIGSTOP);
            banco.anotar("respuesta al handshake", &OK);
            charla.par.mandar(&OK);
        } else {
            charla.programa.senial(Signal::SIGSTOP);
        }
        banco.enviado.push("FIN y RST, con el programa detenido; y que siga".to_owned());
        charla.par.cerrar(Cierre::FinYRst);
        charla.programa.senial(Signal::SIGCONT);
        let reposo = charla.programa.reposar();
        if let Some(veredicto) = banco.juzgar(&mut charla.programa, reposo) {
            return Ok(veredicto);
        }
    }
    Ok(Veredicto::bien())
}

fn rechazado(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    if banco.plan.handshake.is_none() {
        return Ok(Veredicto::no_se_probo("el programa no tiene handshake"));
    }
    si_sigue_hablando(banco)?;
    let mut charla = recibir_al_cliente(banco, false, false)?;
    charla.leer_saludo(banco)?;
    // Detenido mientras se le contesta y se cierra: así lo próximo que mande encuentra siempre el socket cerrado.
    charla.programa.senial(Signal::SIGSTOP);
    banco.anotar("respuesta al handshake, y cierra", &RECHAZO);
    charla.par.mandar(&RECHAZO);
    charla.par.cerrar(Cierre::Close);
    let mut programa = charla.programa;
    programa.senial(Signal::SIGCONT);
    let reposo = programa.reposar();
    if let Some(veredicto) = banco.juzgar(&mut programa, reposo) {
        return Ok(veredicto);
    }
    si_sigue(banco, programa);
    Ok(Veredicto::bien())
}

/// Lo que mande un rechazado, si nadie le cierra: no es una falla, y vale la pena decirlo.
fn si_sigue_hablando(banco: &mut Banco<'_>) -> Paso<()> {
    let mut charla = recibir_al_cliente(banco, false, false)?;
    charla.leer_saludo(banco)?;
    // Lo que había mandado antes de que lo rechacen no cuenta.
    charla.programa.reposar();
    charla.par.leer_en(1 << 20, Duration::from_millis(20));
    charla.par.mandar(&RECHAZO);
    let dicho = charla.escuchar_todo(banco, Respuestas::Ninguna);
    if !dicho.is_empty() {
        banco.observar(format!("le contestaron -1 al handshake y siguió como si nada: mandó {}", en_hexa(&dicho)));
    }
    Ok(())
}

fn nunca_contesta(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let mut charla = recibir_al_cliente(banco, false, false)?;
    banco.enviado.push("nada".to_owned());
    let reposo = charla.programa.reposar();
    if let Some(veredicto) = banco.juzgar(&mut charla.programa, reposo) {
        return Ok(veredicto);
    }
    if charla.programa.hasta_el_final(banco.espera()).is_none() {
        let espera = banco.espera().as_millis();
        banco.observar(format!(
            "si el servidor no contesta, a los {espera} ms sigue esperando; con --espera se mira más"
        ));
    }
    charla.irse(banco, Cierre::Orden)?;
    Ok(Veredicto::bien())
}

/// Que haya dicho lo mismo que cuando todo va bien.
fn lo_de_siempre(banco: &Banco<'_>, dicho: &Dicho) -> Veredicto {
    let Some(esperados) = banco.plan.mensajes_del_cliente else {
        return Veredicto::no_se_probo("depende de C01: tampoco se entiende lo que manda cuando todo va bien");
    };
    match dicho.mensajes(&banco.plan.descripcion.cable) {
        Err(que) => Veredicto::pierde(que),
        Ok(mensajes) if mensajes.len() < esperados => Veredicto::pierde(format!(
            "mandó {} de los {esperados} mensajes que manda cuando todo va bien",
            mensajes.len()
        )),
        Ok(_) => Veredicto::bien(),
    }
}

fn respuesta_de_a_uno(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (dicho, charla) = charlar(banco, Respuestas::DeAUno, false, false)?;
    charla.irse(banco, Cierre::Orden)?;
    Ok(lo_de_siempre(banco, &dicho))
}

fn lectura_lenta(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let (dicho, charla) = charlar(banco, Respuestas::Juntas, true, false)?;
    charla.irse(banco, Cierre::Orden)?;
    Ok(lo_de_siempre(banco, &dicho))
}

fn respuesta_que_miente(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    let cable = &banco.plan.descripcion.cable;
    let enorme = [cable.entero(cable.largo, 0x7fff_ffff), b"tp0-aca\0".to_vec()].concat();
    let mut mentiras = vec![
        ("una respuesta con tamaño -1", cable.header(cable.mensaje, u64::MAX)),
        ("una respuesta con un valor de largo enorme", cable.con_payload(cable.paquete, &enorme)),
    ];
    if cable.tamanio.bytes() >= 4 {
        mentiras.push(("una respuesta con tamaño 2147483647, y nada detrás", cable.header(cable.mensaje, 0x7fff_ffff)));
    }
    for (palabras, bytes) in mentiras {
        let mut charla = recibir_al_cliente(banco, false, false)?;
        charla.saludo(banco, &OK, Respuestas::Juntas)?;
        charla.escuchar_todo(banco, Respuestas::Ninguna);
        charla.programa.contar_memoria();
        banco.anotar(palabras, &bytes);
        charla.par.mandar(&bytes);
        let reposo = charla.programa.reposar();
        if let Some(veredicto) = banco.juzgar(&mut charla.programa, reposo) {
            return Ok(veredicto);
        }
        charla.irse(banco, Cierre::Orden)?;
    }
    Ok(Veredicto::bien())
}

fn sin_cerrar(banco: &mut Banco<'_>) -> Paso<Veredicto> {
    if banco.plan.memcheck.is_some() {
        return Ok(Veredicto::no_se_probo("con --valgrind no se puede mirar"));
    }
    let (_, charla) = charlar(banco, Respuestas::Juntas, false, true)?;
    let mut programa = charla.irse(banco, Cierre::Orden)?;
    if programa.hasta_el_final(banco.espera()).is_none() {
        return Ok(Veredicto::no_se_probo("no terminó: no hay un final que mirar"));
    }
    match programa.abiertos_al_final() {
        None => Ok(Veredicto::no_se_probo("el sistema no deja mirarlo (ptrace)")),
        Some(0) => Ok(Veredicto::bien()),
        Some(1) => Ok(Veredicto::pierde("terminó con un socket abierto")),
        Some(cuantos) => Ok(Veredicto::pierde(format!("terminó con {cuantos} sockets abiertos"))),
    }
}

/// Lo que se supo de un cliente antes de probarlo.
#[derive(Debug)]
pub(crate) struct Conocido {
    /// No manda handshake: lo que dice se entiende sin él.
    pub(crate) sin_handshake: bool,
    /// Cuántos mensajes manda cuando todo va bien; `None`, lo que manda no se entiende.
    pub(crate) mensajes: Option<usize>,
}

/// Averigua si usa handshake y cuántos mensajes manda cuando todo va bien.
pub(crate) fn reconocer(banco: &mut Banco<'_>) -> Result<Conocido, NoVino> {
    let mut charla = esperar_al_cliente(banco, false, false)?;
    let cable = banco.plan.descripcion.cable.clone();
    let (Leido::Todo(primero) | Leido::Cerro(primero) | Leido::Nada(primero)) = charla.par.leer(4);
    let (Leido::Todo(siguen) | Leido::Cerro(siguen) | Leido::Nada(siguen)) =
        charla.par.leer_en(1 << 20, Duration::from_millis(300));
    let saluda = banco.plan.handshake.is_some() && primero == banco.handshake_esperado();
    // Quien saluda y se queda esperando, espera la respuesta. Quien sigue hablando, puede haber saludado o no.
    if saluda {
        charla.par.mandar(&OK);
    }
    let despues = [siguen.clone(), charla.escuchar_todo(banco, Respuestas::Juntas)].concat();
    charla.par.cerrar(Cierre::Orden);
    banco.guardar(&mut charla.programa);
    let contar = |dicho: &Dicho| dicho.mensajes(&cable).map(|mensajes| mensajes.len()).ok();
    let con = contar(&Dicho { saludo: primero.clone(), despues: despues.clone() });
    let sin = contar(&Dicho { saludo: Vec::new(), despues: [primero, despues].concat() });
    if banco.plan.handshake.is_none() {
        return Ok(Conocido { sin_handshake: true, mensajes: sin });
    }
    if saluda && (siguen.is_empty() || con.is_some()) {
        return Ok(Conocido { sin_handshake: false, mensajes: con });
    }
    // Ocho bytes y la espera son un handshake de otro ancho, aunque se puedan leer como un paquete vacío.
    let de_ocho = saluda && siguen == OK;
    match sin.filter(|mensajes| *mensajes > 0 && !de_ocho) {
        Some(mensajes) => Ok(Conocido { sin_handshake: true, mensajes: Some(mensajes) }),
        None => Ok(Conocido { sin_handshake: false, mensajes: None }),
    }
}
