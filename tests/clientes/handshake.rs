//! El handshake, visto desde afuera: la prueba es el par (con sockets comunes) y un programa C usa la biblioteca.

use crate::comun;
use crate::hostil;
use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use crate::comun::PLAZO;
use crate::hostil::{ACEPTADO, Conductor, HOLA, Oyente, Par, RECHAZADO, encabezado, mensaje, paquete};

const fn ms(cuantos: u64) -> Duration {
    Duration::from_millis(cuantos)
}

/// El plazo del handshake si nadie pide otro.
const DE_FABRICA: Duration = ms(5_000);

/// El plazo de las que mandan algo antes de que venza y miran que venza igual: ningún atraso lo tapa.
const ESPERA: Duration = ms(8_000);

/// Un plazo, en milisegundos, que ninguna prueba llega a ver vencer: es más que `PLAZO`.
const NUNCA: &str = "600000";

/// Espera (con el conductor en `esperar`) a que un cliente bueno sea el que sale, y lo prueba con un mensaje.
#[track_caller]
fn atiende_a_un_bueno(c: &Conductor, espera: hostil::Pendiente, puerto: u16) -> i64 {
    let bueno = Par::saludo(puerto);
    bueno.espera(&ACEPTADO);
    let cliente = c.resultado(espera).bien();
    bueno.mandar(&mensaje("soy el bueno"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje soy el bueno");
    drop(bueno);
    c.pedir(&format!("operacion {cliente}")).mal("0", &[]);
    c.bien(&format!("liberar {cliente}"));
    cliente
}

// ---------------------------------------------------------------------------------------------------------------------
// Del lado del servidor
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn aceptado() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    assert!(cliente >= 3);
    par.mandar(&paquete(&[b"uno\0", b"dos\0"]));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1);
    c.pedir(&format!("paquete {cliente}")).lista(&[b"uno", b"dos"]);
    c.terminar();
}

#[test]
fn rechazado_recibe_menos_uno_se_cierra_y_se_avisa() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let malo = Par::mudo(puerto);
    malo.mandar(&77_i32.to_le_bytes());
    assert_eq!(malo.hasta_el_fin(), RECHAZADO);
    let aviso = c.advierte(&malo.direccion().to_string());
    assert!(aviso.contains("77"), "el aviso dice con qué se presentó: {aviso}");
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn de_otro_tamanio_y_se_va() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for cuantos in 1..4 {
        let corto = Par::mudo(puerto);
        corto.mandar(&HOLA[..cuantos]);
        corto.no_mando_mas();
        assert_eq!(corto.hasta_el_fin(), RECHAZADO, "con {cuantos} bytes");
        c.advierte(&corto.direccion().to_string());
        // Y el que ni siquiera espera la respuesta.
        let reseteado = Par::mudo(puerto);
        reseteado.mandar(&HOLA[..cuantos]);
        reseteado.leido();
        reseteado.resetear();
    }
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn de_ocho_bytes() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    // Los cuatro primeros ya no son el handshake: rechazado, y los que sobran no le tapan la respuesta.
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for bytes in [encabezado(0, 5), encabezado(2, 1), vec![0; 8], vec![0xff; 8], vec![0x20; 2000]] {
        let malo = Par::mudo(puerto);
        malo.mandar(&bytes);
        // Un final y no un reset, que le puede borrar la respuesta a quien todavía no la leyó.
        let mut respuesta = Vec::new();
        (&malo.0).read_to_end(&mut respuesta).unwrap_or_else(|error| panic!("con {} bytes: {error}", bytes.len()));
        assert_eq!(respuesta, RECHAZADO, "con {} bytes", bytes.len());
        c.advierte(&malo.direccion().to_string());
        // Acá el final llega antes; por un cable que pierde algo, el reset puede ganarle.
        assert!(malo.0.take_error().unwrap().is_none(), "con {} bytes: después del final, un reset", bytes.len());
    }
    // Los cuatro primeros sí lo son: lo que sigue es de la conversación y nadie lo toca.
    let par = Par::mudo(puerto);
    par.mandar(&[HOLA, [9, 8, 7, 6]].concat());
    let cliente = c.resultado(espera).bien();
    par.espera(&ACEPTADO);
    let resto = c.pedir(&format!("recv {cliente} 4"));
    assert_eq!((resto.ret, resto.campo("bytes")), (4, "09080706"));
    c.terminar();
}

#[test]
fn mudo() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", "300")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let desde = Instant::now();
    let mudo = Par::mudo(puerto);
    assert_eq!(mudo.hasta_el_fin(), RECHAZADO);
    // El núcleo esconde a los mudos un rato (TCP_DEFER_ACCEPT cuenta de a un segundo), y recién después corre el plazo.
    assert!(desde.elapsed() >= ms(300), "antes de su plazo: {:?}", desde.elapsed());
    c.advierte(&mudo.direccion().to_string());
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn de_a_un_byte() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let par = Par::mudo(puerto);
    for byte in HOLA {
        assert!(par.callado(ms(60)), "contestó antes de tener los cuatro bytes");
        par.mandar(&[byte]);
    }
    par.espera(&ACEPTADO);
    c.resultado(espera).bien();
    c.terminar();
}

#[test]
fn de_a_un_byte_pero_demasiado_lento() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", &ESPERA.as_millis().to_string())]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let desde = Instant::now();
    let par = Par::mudo(puerto);
    par.mandar(&HOLA[..1]);
    thread::sleep(ESPERA * 3 / 5);
    let el_ultimo = Instant::now();
    par.mandar(&HOLA[1..2]);
    assert_eq!(par.hasta_el_fin(), RECHAZADO);
    // Ningún byte tardó más que el plazo, pero el plazo es del handshake entero: no se cuenta desde el último.
    assert!(desde.elapsed() >= ESPERA, "{:?}", desde.elapsed());
    assert!(el_ultimo.elapsed() < ESPERA, "{:?} desde el último byte", el_ultimo.elapsed());
    c.advierte(&par.direccion().to_string());
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

/// Un byte alcanza para que el núcleo lo muestre: queda a medio handshake dentro de esperar_cliente.
fn a_medias(puerto: u16) -> (Instant, Par) {
    let (desde, par) = (Instant::now(), Par::mudo(puerto));
    par.gotear(&HOLA[..1]);
    (desde, par)
}

#[test]
fn el_bueno_no_espera_a_que_venza_nadie() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let lentos = [a_medias(puerto), a_medias(puerto)];
    atiende_a_un_bueno(&c, espera, puerto);
    assert!(lentos.iter().all(|(_, lento)| lento.callado(ms(1))));
    c.terminar();
}

#[test]
fn cada_uno_tiene_su_plazo() {
    let plazo = ms(1000);
    let c = Conductor::con(&[("TP0_ESPERA_MS", &plazo.as_millis().to_string())]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let primero = a_medias(puerto);
    thread::sleep(plazo / 2);
    for (desde, par) in [primero, a_medias(puerto)] {
        assert_eq!(par.hasta_el_fin(), RECHAZADO);
        assert!(desde.elapsed() >= plazo, "{:?}", desde.elapsed());
    }
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn cuatrocientos_mudos_no_demoran_al_bueno() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    for bytes in [0, 1] {
        let espera = c.lanzar(&format!("esperar {servidor}"));
        let mudos: Vec<Par> = (0..400).map(|_| Par::mudo(puerto)).collect();
        for mudo in &mudos {
            mudo.mandar(&HOLA[..bytes]);
        }
        // Ninguno vence mientras dura la prueba: si el bueno esperara a alguno, no entraría.
        let bueno = Par::saludo(puerto);
        bueno.espera(&ACEPTADO);
        c.resultado(espera).bien();
        assert!(mudos[399].callado(ms(20)), "un mudo no se corta antes de su plazo");
    }
    c.terminar();
}

#[test]
fn con_demasiados_pendientes_se_va_el_mas_viejo() {
    // Nadie espera un plazo: el que se va es por ser uno de más.
    let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
    c.bien("limite_descriptores 64");
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let desde = Instant::now();
    let mudos: Vec<Par> = (0..80)
        .map(|_| {
            let mudo = Par::mudo(puerto);
            mudo.mandar(&HOLA[..1]);
            mudo
        })
        .collect();
    assert_eq!(mudos[0].hasta_el_fin(), RECHAZADO);
    assert!(desde.elapsed() >= ms(1_000), "a uno de más se lo despide después de un segundo: {:?}", desde.elapsed());
    atiende_a_un_bueno(&c, espera, puerto);
    assert!(mudos[79].callado(ms(50)), "el más nuevo sigue con su plazo");
    c.terminar();
}

#[test]
fn ningun_malo_termina_la_espera() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", "400")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for vuelta in 0..150_u8 {
        let par = Par::mudo(puerto);
        match vuelta % 5 {
            0 => par.mandar(&[vuelta, 1, 0, 0]),
            1 => par.mandar(&HOLA[..2]),
            2 => par.mandar(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
            3 => par.resetear(),
            _ => drop(par),
        }
    }
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn el_que_espero_mientras_el_programa_estaba_ocupado() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", "300")]);
    let (servidor, puerto) = c.servidor();
    let primero = Par::saludo(puerto);
    let segundo = Par::saludo(puerto);
    // Más que el plazo: que el programa tarde en llamar no es culpa del cliente.
    thread::sleep(ms(700));
    let uno = c.bien(&format!("esperar {servidor}"));
    primero.espera(&ACEPTADO);
    assert!(segundo.callado(ms(50)), "se atiende a uno por vez");
    let dos = c.bien(&format!("esperar {servidor}"));
    segundo.espera(&ACEPTADO);
    assert_ne!(uno, dos);
    c.terminar();
}

#[test]
fn los_que_siguen_llegando_no_postergan_al_lento() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let lento = Par::mudo(puerto);
    lento.mandar(&HOLA[..2]);
    // El lento llegó primero: para entregar al bueno, ya se lo dejó pendiente.
    c.atender(servidor, puerto);
    lento.mandar(&HOLA[2..]);
    let otro = Par::saludo(puerto);
    c.bien(&format!("esperar {servidor}"));
    lento.espera(&ACEPTADO);
    assert!(otro.callado(ms(1)), "pasó antes que el que ya estaba");
    c.bien(&format!("esperar {servidor}"));
    otro.espera(&ACEPTADO);
    c.terminar();
}

#[test]
fn los_que_se_van_juntos_no_se_llevan_al_que_sigue() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    let lentos = [(); 3].map(|()| {
        let lento = Par::mudo(puerto);
        lento.mandar(&HOLA[..2]);
        lento
    });
    // Llegaron antes: para entregar al bueno, ya se los dejó pendientes.
    c.atender(servidor, puerto);
    let [uno, otro, sigue] = lentos;
    let se_van = [uno.direccion(), otro.direccion()];
    // Mientras nadie espera: los dos se ven a la vez.
    uno.irse();
    otro.irse();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for quien in se_van {
        c.advierte(&quien.to_string());
    }
    sigue.mandar(&HOLA[2..]);
    sigue.espera(&ACEPTADO);
    c.resultado(espera).bien();
    c.terminar();
}

#[test]
fn el_que_se_fue_mientras_el_programa_estaba_ocupado() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    Par::saludo(puerto).irse();
    Par::saludo(puerto).resetear();
    Par::mudo(puerto).irse();
    let bueno = Par::saludo(puerto);
    let cliente = c.bien(&format!("esperar {servidor}"));
    bueno.espera(&ACEPTADO);
    bueno.mandar(&mensaje("sigo acá"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje sigo acá");
    c.terminar();
}

#[test]
fn poll_sobre_el_que_escucha_dice_la_verdad() {
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    assert_eq!(c.bien(&format!("poll {servidor} 0")), 0);
    let _primero = Par::saludo(puerto);
    let _segundo = Par::saludo(puerto);
    assert_eq!(c.bien(&format!("poll {servidor} 3000")), 1);
    c.bien(&format!("esperar {servidor}"));
    assert_eq!(c.bien(&format!("poll {servidor} 3000")), 1, "queda otro: no se lo puede haber llevado");
    c.bien(&format!("esperar {servidor}"));
    assert_eq!(c.bien(&format!("poll {servidor} 50")), 0);
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// TP0_HANDSHAKE
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn opcional_con_handshake() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional")]);
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    par.mandar(&mensaje("con handshake"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje con handshake");
    c.terminar();
}

#[test]
fn opcional_sin_handshake() {
    // Un header basta para saberlo: nadie espera el plazo.
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    for (codigo, enviado) in [(0, mensaje("sin handshake")), (1, paquete(&[b"a\0", b"b\0"])), (9, encabezado(9, 0))] {
        let espera = c.lanzar(&format!("esperar {servidor}"));
        let par = Par::mudo(puerto);
        par.mandar(&enviado);
        let cliente = c.resultado(espera).bien();
        // Nada consumido: el programa recibe el mensaje entero. Y nada contestado.
        assert_eq!(c.bien(&format!("operacion {cliente}")), codigo);
        match codigo {
            0 => {
                c.bien(&format!("recibir_mensaje {cliente}"));
                c.imprime("Me llego el mensaje sin handshake");
            }
            1 => c.pedir(&format!("paquete {cliente}")).lista(&[b"a", b"b"]),
            _ => assert_eq!(c.pedir(&format!("buffer {cliente}")).campo("tamanio"), "0"),
        }
        assert!(par.callado(ms(50)), "a quien no pide handshake no se le contesta uno");
    }
    c.terminar();
}

#[test]
fn opcional_en_silencio_hasta_el_plazo() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", "400")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let par = Par::mudo(puerto);
    let (cliente, tardo) = c.cronometrar(espera);
    let cliente = cliente.bien();
    assert!(tardo >= ms(400) && tardo < DE_FABRICA, "{tardo:?}");
    assert!(par.callado(ms(50)));
    par.mandar(&mensaje("llegué tarde"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.bien(&format!("recibir_mensaje {cliente}"));
    c.imprime("Me llego el mensaje llegué tarde");
    c.terminar();
}

#[test]
fn opcional_con_basura() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", "500")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for basura in [encabezado(-2, 5), encabezado(0, -5), encabezado(1, i32::MAX), b"GET / HT".to_vec()] {
        let malo = Par::mudo(puerto);
        malo.mandar(&basura);
        assert_eq!(malo.hasta_el_fin(), RECHAZADO, "{basura:?}");
        c.advierte(&malo.direccion().to_string());
    }
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

/// De lo que mandó no se consume nada, así que sólo se nota porque cerró.
#[test]
fn opcional_el_que_manda_medio_header_y_se_va_no_espera_el_plazo() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", "600000")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    for cuantos in [1, 3, 7] {
        let malo = Par::mudo(puerto);
        malo.mandar(&encabezado(9, 4)[..cuantos]);
        malo.no_mando_mas();
        assert_eq!(malo.hasta_el_fin(), RECHAZADO, "con {cuantos} bytes");
        c.advierte(&malo.direccion().to_string());
    }
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}

#[test]
fn sin_handshake_ni_el_que_manda_y_se_va_se_pierde() {
    for modo in ["no", "opcional"] {
        let c = Conductor::con(&[("TP0_HANDSHAKE", modo)]);
        let (servidor, puerto) = c.servidor();
        let par = Par::mudo(puerto);
        par.mandar(&mensaje("chau"));
        par.irse();
        let cliente = c.bien(&format!("esperar {servidor}"));
        assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
        c.bien(&format!("recibir_mensaje {cliente}"));
        c.imprime("Me llego el mensaje chau");
        c.pedir(&format!("operacion {cliente}")).mal("0", &[]);
        c.terminar();
    }
}

#[test]
fn no_en_el_servidor() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "no"), ("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let par = Par::mudo(puerto);
    // Conectarse alcanza: no hay nada que esperar de él.
    let cliente = c.resultado(espera).bien();
    assert!(par.callado(ms(50)), "sin handshake no se manda nada");
    par.mandar(&HOLA);
    assert_eq!(c.bien(&format!("operacion {cliente}")), 1, "esos 4 bytes son ahora un código de operación");
    c.terminar();
}

#[test]
fn no_en_el_cliente() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "no")]);
    let oyente = Oyente::nuevo();
    let conexion = c.bien(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    c.bien(&format!("mensaje {conexion} hola"));
    par.espera(&mensaje("hola"));
    c.terminar();
}

#[test]
fn un_valor_propio() {
    for valor in [77_i32, -5, 0, i32::MAX, i32::MIN] {
        let c = Conductor::con(&[("TP0_HANDSHAKE", &valor.to_string())]);
        let (servidor, puerto) = c.servidor();
        let espera = c.lanzar(&format!("esperar {servidor}"));
        let malo = Par::saludo(puerto);
        assert_eq!(malo.hasta_el_fin(), RECHAZADO);
        let bueno = Par::mudo(puerto);
        bueno.mandar(&valor.to_le_bytes());
        bueno.espera(&ACEPTADO);
        c.resultado(espera).bien();

        let oyente = Oyente::nuevo();
        let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
        let par = oyente.aceptar();
        par.espera(&valor.to_le_bytes());
        par.mandar(&ACEPTADO);
        c.resultado(conectar).bien();
        c.terminar();
    }
}

#[test]
fn opcional_del_lado_del_cliente_es_el_de_fabrica() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional")]);
    c.conectado(&Oyente::nuevo());
    c.terminar();
}

#[test]
fn valores_que_no_se_entienden() {
    let c = Conductor::nuevo();
    let oyente = Oyente::nuevo();
    for valor in ["abc", "", "99999999999", "-2147483649", "1x", "1.0", "sí", "%FF%FE"] {
        c.bien(&format!("entorno TP0_HANDSHAKE {valor}"));
        let nombra = ["TP0_HANDSHAKE", if valor.starts_with('%') { "" } else { valor }];
        c.pedir("iniciar_en 127.0.0.1 0").mal("EINVAL", &nombra);
        c.pedir(&format!("conectar 127.0.0.1 {}", oyente.puerto)).mal("EINVAL", &nombra);
    }
    // El error no queda pegado: se lee de nuevo en cada llamada.
    c.bien("sin_entorno TP0_HANDSHAKE");
    c.bien("iniciar_en 127.0.0.1 0");
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// Del lado del cliente
// ---------------------------------------------------------------------------------------------------------------------

#[test]
fn el_servidor_dice_que_no() {
    let c = Conductor::nuevo();
    let oyente = Oyente::nuevo();
    let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    par.mandar(&RECHAZADO);
    let direccion = format!("127.0.0.1:{}", oyente.puerto);
    c.resultado(conectar).mal("EPROTO", &[&direccion, "handshake", "rechaz"]);
    assert!(par.hasta_el_fin().is_empty(), "rechazado, no tiene nada más que decir");
    c.terminar();
}

#[test]
fn el_servidor_habla_otra_cosa() {
    let c = Conductor::nuevo();
    for basura in [&b"HTTP/1.1 400 Bad Request\r\n"[..], &[1, 0, 0, 0], &[0, 0, 0, 1], &[0xff, 0xff, 0xff, 0x7f]] {
        let oyente = Oyente::nuevo();
        let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
        let par = oyente.aceptar();
        par.espera(&HOLA);
        par.mandar(basura);
        c.resultado(conectar).mal("EPROTO", &[&oyente.puerto.to_string(), "handshake"]);
    }
    c.terminar();
}

#[test]
fn el_servidor_no_contesta() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", "400")]);
    let oyente = Oyente::nuevo();
    // Como un servidor de esqueleto: acepta, toma los 4 bytes por un código de operación y se queda esperando el resto.
    let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    let (respuesta, tardo) = c.cronometrar(conectar);
    respuesta.mal("ETIMEDOUT", &[&oyente.puerto.to_string(), "400", "TP0_HANDSHAKE=no"]);
    assert!(tardo >= ms(400) && tardo < DE_FABRICA, "{tardo:?}");
    assert!(par.hasta_el_fin().is_empty(), "el que se cansó de esperar cierra su lado");
    c.terminar();
}

#[test]
fn el_servidor_contesta_a_cuentagotas() {
    let c = Conductor::con(&[("TP0_ESPERA_MS", &ESPERA.as_millis().to_string())]);
    let oyente = Oyente::nuevo();
    let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    par.mandar(&ACEPTADO[..1]);
    thread::sleep(ESPERA * 3 / 5);
    let el_ultimo = Instant::now();
    par.mandar(&ACEPTADO[1..2]);
    c.resultado(conectar).mal("ETIMEDOUT", &[]);
    assert!(el_ultimo.elapsed() < ESPERA, "el plazo es de la respuesta entera: {:?}", el_ultimo.elapsed());
    // Y si la termina a tiempo, sirve.
    let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    par.de_a_uno(&ACEPTADO);
    c.resultado(conectar).bien();
    c.terminar();
}

#[test]
fn el_servidor_cierra() {
    let c = Conductor::nuevo();
    for cuantos in 0..4 {
        for reset in [false, true] {
            let oyente = Oyente::nuevo();
            let conectar = c.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
            let par = oyente.aceptar();
            par.espera(&HOLA);
            par.mandar(&ACEPTADO[..cuantos]);
            if reset {
                par.resetear()
            } else {
                drop(par)
            }
            c.resultado(conectar).mal("ECONNRESET", &[&oyente.puerto.to_string()]);
        }
    }
    c.terminar();
}

#[test]
fn sin_plazo() {
    let [cliente, c] = [(); 2].map(|()| Conductor::con(&[("TP0_ESPERA_MS", "0")]));
    let oyente = Oyente::nuevo();
    let conectar = cliente.lanzar(&format!("conectar 127.0.0.1 {}", oyente.puerto));
    let par = oyente.aceptar();
    par.espera(&HOLA);
    // Del lado del servidor: el que tarda entra igual, sin demorar a nadie.
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let lento = Par::mudo(puerto);
    lento.gotear(&HOLA[..2]);
    atiende_a_un_bueno(&c, espera, puerto);
    let espera = c.lanzar(&format!("esperar {servidor}"));
    // Más que el plazo de fábrica: 0 no es «el de siempre».
    thread::sleep(DE_FABRICA + ms(500));
    par.mandar(&ACEPTADO);
    cliente.resultado(conectar).bien();
    lento.mandar(&HOLA[2..]);
    lento.espera(&ACEPTADO);
    c.resultado(espera).bien();
    cliente.terminar();
    c.terminar();
}

// ---------------------------------------------------------------------------------------------------------------------
// Señales y otros hilos
// ---------------------------------------------------------------------------------------------------------------------

/// Un cliente a medio handshake, o ninguno.
fn pendientes(hay: bool, puerto: u16) -> Option<Par> {
    hay.then(|| {
        let par = Par::mudo(puerto);
        par.mandar(&HOLA[..1]);
        par
    })
}

#[test]
fn una_senial_sin_sa_restart_termina_la_espera() {
    for hay in [false, true] {
        let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
        let (servidor, puerto) = c.servidor();
        let _par = pendientes(hay, puerto);
        c.bien("manejador corta");
        let espera = c.lanzar(&format!("esperar {servidor}"));
        c.interrumpir(&espera);
        c.resultado(espera).mal("EINTR", &[]);
        assert_eq!(c.bien("seniales"), 1);
        // El que escucha sigue sano: se puede volver a esperar.
        let espera = c.lanzar(&format!("esperar {servidor}"));
        atiende_a_un_bueno(&c, espera, puerto);
        c.terminar();
    }
}

#[test]
fn una_senial_sin_sa_restart_con_handshake_opcional() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", NUNCA)]);
    let (servidor, puerto) = c.servidor();
    let mudo = Par::mudo(puerto);
    c.bien("manejador corta");
    let espera = c.lanzar(&format!("esperar {servidor}"));
    c.interrumpir(&espera);
    c.resultado(espera).mal("EINTR", &[]);
    // El mudo no se perdió por la señal: sigue pendiente y entra con su mensaje.
    mudo.mandar(&mensaje("acá sigo"));
    let cliente = c.bien(&format!("esperar {servidor}"));
    assert_eq!(c.bien(&format!("operacion {cliente}")), 0);
    c.terminar();
}

#[test]
fn una_senial_con_sa_restart_no_la_termina() {
    for hay in [false, true] {
        let c = Conductor::nuevo();
        let (servidor, puerto) = c.servidor();
        let _par = pendientes(hay, puerto);
        c.bien("manejador reinicia");
        let espera = c.lanzar(&format!("esperar {servidor}"));
        c.interrumpir(&espera);
        c.adentro_otra_vez();
        atiende_a_un_bueno(&c, espera, puerto);
        assert_eq!(c.bien("seniales"), 1, "la señal llegó de verdad");
        c.terminar();
    }
}

#[test]
fn liberar_el_que_escucha_desde_otro_hilo() {
    for hay in [false, true] {
        let c = Conductor::con(&[("TP0_ESPERA_MS", NUNCA)]);
        let (servidor, puerto) = c.servidor();
        let par = pendientes(hay, puerto);
        let espera = c.en_hilo(&format!("esperar {servidor}"));
        c.adentro(&espera);
        c.bien(&format!("liberar {servidor}"));
        c.resultado(espera).mal("ECANCELED", &[]);
        // Nadie queda colgado ni escuchando.
        if let Some(par) = par {
            par.hasta_el_fin();
        }
        comun::esperar_que("que nadie escuche más", PLAZO, || !comun::escuchando(puerto));
        c.pedir(&format!("esperar {servidor}")).mal("EBADF", &[]);
        c.terminar();
    }
}

#[test]
fn opcional_un_saludo_propio_del_programa_se_muestra_y_se_dice_que_hacer() {
    let c = Conductor::con(&[("TP0_HANDSHAKE", "opcional"), ("TP0_ESPERA_MS", "200")]);
    let (servidor, puerto) = c.servidor();
    let espera = c.lanzar(&format!("esperar {servidor}"));
    let propio = Par::mudo(puerto);
    propio.mandar(&77i32.to_le_bytes());
    assert_eq!(propio.hasta_el_fin(), RECHAZADO);
    c.advierte("mandó bytes 4d 00 00 00 y nada más");
    atiende_a_un_bueno(&c, espera, puerto);
    c.terminar();
}
