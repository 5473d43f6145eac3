//! Varios hilos sobre los mismos números de descriptor: liberar despierta, los envíos no se mezclan, y un número recién
//! liberado nunca confunde la conexión vieja con la nueva.

use crate::comun;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::comun::{PLAZO, Proceso};
use crate::hostil::{ACEPTADO, Conductor, HOLA, Oyente, Par, encabezado, es_plazo, mensaje};

const fn ms(cuantos: u64) -> Duration {
    Duration::from_millis(cuantos)
}

#[test]
fn liberar_despierta_a_quien_recibe() {
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    // Sin nada leído, y en el medio de cada parte de un mensaje.
    let parcial = [&encabezado(9, 100)[..], &[0; 10]].concat();
    for (funcion, llegado) in [
        ("operacion", &parcial[..0]),
        ("operacion", &parcial[..2]),
        ("paquete", &parcial[..0]),
        ("paquete", &parcial[..6]),
        ("buffer", &parcial[4..4]),
        ("buffer", &parcial[4..]),
    ] {
        let (par, cliente) = c.atender(servidor, puerto);
        par.mandar(llegado);
        let pendiente = c.en_hilo(&format!("{funcion} {cliente}"));
        c.adentro(&pendiente);
        c.bien(&format!("liberar {cliente}"));
        let respuesta = c.resultado(pendiente);
        match funcion {
            "paquete" => assert_eq!((respuesta.ret, respuesta.campo("nodos")), (0, "0"), "{respuesta}"),
            _ => assert_eq!(respuesta.ret, -1, "{respuesta}"),
        }
        assert!(respuesta.texto.is_some(), "{respuesta}");
        assert!(par.hasta_el_fin().is_empty());
        // Cuando sale la última llamada en curso, el número queda libre.
        comun::esperar_que("que el número quede libre", PLAZO, || {
            c.pedir(&format!("abierto {cliente}")).errno == "EBADF"
        });
    }
    c.terminar();
}

#[test]
fn liberar_despierta_a_quien_envia() {
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    // El par no lee: el envío se traba con los buffers del núcleo llenos. Y otro hilo espera su turno detrás.
    let trabado = c.en_hilo(&format!("mensaje_largo {cliente} 30000000"));
    par.recibir(8);
    c.adentro(&trabado);
    let detras = c.en_hilo(&format!("mensaje {cliente} hola"));
    c.adentro(&detras);
    c.bien(&format!("liberar {cliente}"));
    for respuesta in [c.resultado(trabado), c.resultado(detras)] {
        assert_eq!(respuesta.ret, -1, "{respuesta}");
        assert!(respuesta.texto.is_some(), "{respuesta}");
    }
    par.hasta_el_fin();
    c.terminar();
}

/// Quien recibe se entera de que la conexión ya no sirve; quien envía está dormido, con su mensaje por la mitad.
#[test]
fn un_error_de_protocolo_despierta_a_quien_envia() {
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    for (recibir, malo) in
        [("operacion", encabezado(-2, 0)), ("paquete", encabezado(1, -1)), ("paquete", encabezado(7, 7))]
    {
        let (par, cliente) = c.atender(servidor, puerto);
        let trabado = c.en_hilo(&format!("mensaje_largo {cliente} 30000000"));
        par.recibir(8);
        // Y otro espera su turno detrás: también se entera, y de lo mismo.
        let detras = c.en_hilo(&format!("mensaje {cliente} hola"));
        par.mandar(&malo);
        par.mandar(&[0xff; 7]);
        assert_eq!(c.pedir(&format!("{recibir} {cliente}")).errno, "EPROTO");
        c.resultado(trabado).mal("EPIPE", &[]);
        c.resultado(detras).mal("EPIPE", &[]);
        par.hasta_el_fin();
        c.bien(&format!("liberar {cliente}"));
    }
    c.terminar();
}

#[test]
fn de_varios_hilos_que_esperan_cada_uno_recibe_un_cliente() {
    const HILOS: usize = 8;
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let esperas: Vec<_> = (0..HILOS).map(|_| c.en_hilo(&format!("esperar {servidor}"))).collect();
    let hilos = || std::fs::read_dir(format!("/proc/{}/task", c.pid())).unwrap().count();
    comun::esperar_que("que estén todos los hilos", PLAZO, || hilos() > HILOS);
    // Uno solo por hilo: si alguno no se entera de que le toca, nadie más va a ocupar su lugar.
    let pares: Vec<_> = (0..HILOS).map(|_| Par::saludo(puerto)).collect();
    let mut clientes: Vec<_> = esperas.into_iter().map(|espera| c.resultado(espera).bien()).collect();
    clientes.sort_unstable();
    clientes.dedup();
    assert_eq!(clientes.len(), HILOS, "cada uno el suyo");
    for par in pares {
        par.espera(&ACEPTADO);
    }
    c.terminar();
}

#[test]
fn liberar_al_que_escucha_despierta_a_todos_los_que_esperan() {
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, _) = c.servidor();
    let esperas: Vec<_> = (0..4).map(|_| c.en_hilo(&format!("esperar {servidor}"))).collect();
    esperas.iter().for_each(|espera| c.adentro(espera));
    c.bien(&format!("liberar {servidor}"));
    for espera in esperas {
        c.resultado(espera).mal("ECANCELED", &[]);
    }
    c.terminar();
}

#[test]
fn recibir_y_enviar_a_la_vez_por_la_misma_conexion() {
    let _contado = comun::contar("hilos");
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    // Un hilo bloqueado recibiendo no traba a quien envía.
    let recibe = c.en_hilo(&format!("operacion {cliente}"));
    c.adentro(&recibe);
    c.bien(&format!("mensaje {cliente} hola"));
    par.espera(&mensaje("hola"));
    par.mandar(&7_i32.to_le_bytes());
    assert_eq!(c.resultado(recibe).bien(), 7);
    c.terminar();
}

#[test]
fn ocho_hilos_por_la_misma_conexion_no_se_mezclan() {
    let _contado = comun::contar("hilos");
    const HILOS: usize = 8;
    const CANTIDAD: usize = 25;
    const TAMANIO: usize = 200_000;
    let c = Conductor::nuevo();
    let (servidor, puerto) = c.servidor();
    let (par, cliente) = c.atender(servidor, puerto);
    let martillo = c.lanzar(&format!("martillo_envio {cliente} {HILOS} {CANTIDAD} {TAMANIO}"));
    let mut por_hilo = [0; HILOS];
    for numero in 0..HILOS * CANTIDAD {
        let payload = i32::try_from(TAMANIO + 4).unwrap();
        assert_eq!(par.recibir(8), encabezado(1, payload), "en el paquete {numero}");
        let recibido = par.recibir(TAMANIO + 4);
        assert_eq!(recibido[..4], i32::try_from(TAMANIO).unwrap().to_le_bytes());
        let letra = recibido[4];
        assert!(recibido[4..].iter().all(|byte| *byte == letra), "el paquete {numero} mezcla los de dos hilos");
        por_hilo[usize::from(letra - b'a')] += 1;
    }
    assert_eq!(por_hilo, [CANTIDAD; HILOS], "cada hilo mandó los suyos, ni más ni menos");
    assert_eq!(c.resultado(martillo).ret, 0);
    assert!(par.callado(ms(50)), "no sobra ni un byte");
    c.terminar();
}

#[test]
fn un_numero_de_una_conexion_terminada_no_corta_ni_confunde_a_la_que_lo_recibe() {
    let _contado = comun::contar("hilos");
    let mut orden = comun::orden(comun::compilar_con_tp0("matriz_reuso", &["matriz_reuso.c"]));
    orden.arg("4000");
    let salida = Proceso::lanzar(orden).terminar(Duration::from_secs(60));
    salida.exigir_exito("el martillo");
    assert_eq!(salida.lineas().last(), Some(&"bien"), "{salida}");
    assert_eq!(salida.stderr, "", "nadie tenía que ser rechazado");
    let campo = |nombre: &str| -> u32 {
        let campos = salida.stdout.split_whitespace();
        campos.filter_map(|campo| campo.strip_prefix(nombre)).next().unwrap().parse().unwrap()
    };
    let (conversaciones, reusos) = (campo("conversaciones="), campo("reusos="));
    assert!(reusos > 300 && campo("terminadas=") > 200, "muy pocas vueltas para probar algo: {salida}");
    comun::detallar("hilos", format!("{conversaciones} conversaciones, {reusos} en un número reusado"));
}

/// Lo que le pide al par que cierre: el mismo número que en `hostil_conductor.c`.
const TE_PODES_IR: i32 = -2;

/// El par del martillo: saluda con medio código y completa la respuesta con el eco de lo que le mandan.
fn hacer_eco(mut conexion: TcpStream) -> std::io::Result<()> {
    conexion.set_nodelay(true)?;
    conexion.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut hola = [0; 4];
    conexion.read_exact(&mut hola)?;
    assert_eq!(hola, HOLA, "por la conexión llegó algo que no era su handshake");
    let codigo = 7_i32.to_le_bytes();
    conexion.write_all(&[&ACEPTADO[..], &codigo[..2]].concat())?;
    let mut propio = [0; 4];
    conexion.read_exact(&mut propio)?;
    if i32::from_le_bytes(propio) == TE_PODES_IR {
        return Ok(());
    }
    conexion.write_all(&[&codigo[2..], &4_i32.to_le_bytes(), &propio].concat())?;
    // Hasta que se vaya: nada más tiene que llegar por acá.
    let sobra = conexion.read(&mut [0; 16])?;
    assert_eq!(sobra, 0, "por la conexión llegó algo de otra conversación");
    Ok(())
}

/// Lo marca al soltarse, también si la prueba falla: sin eso, quien acepta esperaría para siempre.
struct AlSoltar<'a>(&'a AtomicBool);

impl Drop for AlSoltar<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn un_numero_reusado_enseguida_no_confunde_lo_viejo_con_lo_nuevo() {
    let _contado = comun::contar("hilos");
    let oyente = Oyente::nuevo();
    let puerto = oyente.puerto;
    let c = Conductor::nuevo();
    let basta = AtomicBool::new(false);
    let mezclas = AtomicUsize::new(0);
    thread::scope(|hilos| {
        hilos.spawn(|| {
            while let Some(par) = oyente.aceptar_o(&basta) {
                let mezclas = &mezclas;
                hilos.spawn(move || match std::panic::catch_unwind(|| hacer_eco(par.0)) {
                    Ok(Err(error)) if es_plazo(&error) => drop(mezclas.fetch_add(1, Ordering::Relaxed)),
                    Ok(_) => (),
                    Err(_) => drop(mezclas.fetch_add(1, Ordering::Relaxed)),
                });
            }
        });
        let basta = AlSoltar(&basta);
        let respuesta = c.pedir(&format!("martillo_reuso 127.0.0.1 {puerto} 6 2500"));
        drop(basta);
        assert_eq!(respuesta.ret, 0, "{respuesta}");
        let vueltas: u32 = respuesta.campo("vueltas").parse().unwrap();
        let cortes: u32 = respuesta.campo("cortes").parse().unwrap();
        assert!(vueltas > 200 && cortes > 50, "muy pocas vueltas para probar algo: {respuesta}");
    });
    // Todo se liberó: no puede quedar ningún número perdido.
    let abiertos = || std::fs::read_dir(format!("/proc/{}/fd", c.pid())).unwrap().count();
    assert!(abiertos() < 12, "quedaron {} descriptores abiertos", abiertos());
    assert_eq!(mezclas.load(Ordering::Relaxed), 0, "alguna conversación se mezcló con otra");
    c.terminar();
}
