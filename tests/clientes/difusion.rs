//! Enviar lo mismo a muchos, desde C y desde Rust: el que no lee no demora a nadie, y se sabe cuál fue.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::comun::{compilar_con_tp0, correr_caso, exigir, orden, orden_valgrind};
use tp0::{Conexion, Emisor, Error, Novedad, Opciones, Paquete, Recibido, Servidor};

fn programa() -> PathBuf {
    static PROGRAMA: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMA.get_or_init(|| compilar_con_tp0("muchos_difusion", &["muchos_difusion.c"])).clone()
}

#[track_caller]
fn bien(comando: Command, caso: &str) {
    correr_caso(comando, caso, "todo bien", Duration::from_secs(60));
}

#[test]
fn en_c_el_que_no_lee_no_demora_y_se_sabe_cual_fue() {
    bien(orden(programa()), "no_lee");
}

#[test]
fn en_c_lo_que_queda_por_la_mitad_termina_esa_conexion() {
    bien(orden(programa()), "por_la_mitad");
}

#[test]
fn en_c_los_argumentos_malos_fallan_sin_enviar_nada() {
    bien(orden(programa()), "malos");
}

#[test]
fn en_c_a_una_conexion_repetida_le_llega_una_sola_vez() {
    bien(orden(programa()), "repetidas");
}

#[test]
fn en_c_a_la_que_ocupa_otro_hilo_se_la_espera_un_rato_y_no_se_le_mezcla_nada() {
    bien(orden(programa()), "con_otro_enviando");
}

#[test]
fn en_c_quien_lee_de_a_poco_recibe_todo() {
    bien(orden(programa()), "de_a_poco");
}

#[test]
fn en_c_cada_falla_queda_en_su_lugar_tambien_la_del_limite_de_una_sola() {
    bien(orden(programa()), "cada_falla_en_su_lugar");
}

#[test]
fn en_rust_las_fallas_van_en_orden_y_la_del_limite_es_de_una_sola() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let con_limite = Opciones::nuevas().tamanio_maximo(11).unwrap();
    let otro = Servidor::iniciar_con("127.0.0.1", "0", &con_limite).unwrap();
    let ((una, mut su_cliente), (chica, mut el_de_la_chica)) = (par(&servidor), par(&otro));
    let mut paquete = Paquete::nuevo();
    paquete.agregar(b"a todos\0").unwrap();
    let emisores = [una.emisor(), una.emisor(), chica.emisor(), una.emisor(), chica.emisor()];
    let fallaron = tp0::difundir(&emisores, &paquete);
    assert!(
        matches!(
            fallaron.as_slice(),
            [
                (1, Error::Argumento(_)),
                (2, Error::DemasiadoGrande { tamanio: 12, limite: 11, .. }),
                (3, Error::Argumento(_)),
                (4, Error::DemasiadoGrande { .. })
            ]
        ),
        "{fallaron:?}"
    );
    drop((emisores, una, chica));
    assert!(matches!(su_cliente.recibir().unwrap(), Some(Recibido::Paquete(_))));
    assert!(su_cliente.recibir().unwrap().is_none() && el_de_la_chica.recibir().unwrap().is_none());
}

#[test]
fn en_rust_tambien() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let ((una, mut su_cliente), (otra, mut el_otro)) = (par(&servidor), par(&servidor));
    let emisores = [una.emisor(), otra.emisor(), una.emisor(), una.emisor()];
    let fallaron = tp0::difundir(&emisores, &Paquete::nuevo());
    assert!(
        matches!(fallaron.as_slice(), [(2, Error::Argumento(texto)), (3, _)] if texto.contains("está repetida")),
        "{fallaron:?}"
    );
    drop((emisores, una, otra));
    for cliente in [&mut su_cliente, &mut el_otro] {
        assert!(matches!(cliente.recibir().unwrap(), Some(Recibido::Paquete(_))));
        assert!(cliente.recibir().unwrap().is_none());
    }
}

#[test]
fn en_c_no_se_pierde_un_byte_de_memoria() {
    if exigir("valgrind") {
        bien(orden_valgrind(programa(), &[]), "malos");
    }
}

/// Una conexión con un servidor de este mismo proceso: los dos extremos.
fn par(servidor: &Servidor) -> (Conexion, Conexion) {
    let puerto = servidor.puerto().unwrap().to_string();
    let cliente = std::thread::spawn(move || Conexion::conectar("127.0.0.1", &puerto).unwrap());
    let en_el_servidor = servidor.esperar_cliente().unwrap();
    (en_el_servidor, cliente.join().unwrap())
}

/// Lo que se espera a uno que quedó a medio enviar. Al que no le entró ni un byte no se le espera eso.
const A_MEDIAS: Duration = Duration::from_secs(1);

#[test]
fn en_rust_el_que_no_lee_no_demora_y_se_sabe_cual_fue() {
    let servidor = Servidor::iniciar("127.0.0.1", "0").unwrap();
    let mut pares: Vec<_> = (0..5).map(|_| par(&servidor)).collect();
    // Mensajes de 8 bytes hasta que no le entra ninguno más.
    let trabado = pares[2].0.emisor();
    let vacio = Paquete::nuevo();
    let lleno = (0..5_000_000)
        .map(|_| tp0::difundir(std::slice::from_ref(&trabado), &vacio))
        .find(|fallaron| !fallaron.is_empty())
        .expect("nunca se llenó");
    assert!(matches!(lleno.as_slice(), [(0, Error::NoLee { en_el_medio: false, .. })]), "{lleno:?}");

    let emisores: Vec<Emisor> = pares.iter().map(|(en_el_servidor, _)| en_el_servidor.emisor()).collect();
    let mut paquete = Paquete::nuevo();
    paquete.agregar(b"a todos").unwrap();
    let antes = Instant::now();
    let fallaron = tp0::difundir(&emisores, &paquete);
    assert!(antes.elapsed() < A_MEDIAS, "tardó {:?}", antes.elapsed());
    assert!(matches!(fallaron.as_slice(), [(2, _)]), "{fallaron:?}");
    for (lugar, (_, cliente)) in pares.iter_mut().enumerate().filter(|(lugar, _)| *lugar != 2) {
        match cliente.recibir().unwrap() {
            Some(Recibido::Paquete(paquete)) => assert!(paquete.valores().eq([b"a todos".as_slice()]), "{lugar}"),
            otro => panic!("{otro:?}"),
        }
    }
    // No le había entrado nada, así que la conexión sigue: si lee todo, se le puede volver a enviar.
    let el_que_no_leia = &mut pares[2].1;
    while let Novedad::Llego(recibido) = el_que_no_leia.recibir_hasta(Duration::from_millis(100)).unwrap() {
        assert!(matches!(recibido, Recibido::Paquete(_)));
    }
    assert_eq!(tp0::difundir(std::slice::from_ref(&trabado), &paquete).len(), 0);
    let Some(Recibido::Paquete(llego)) = el_que_no_leia.recibir().unwrap() else { panic!("se cortó") };
    assert!(llego.valores().eq([b"a todos".as_slice()]));
}

#[test]
fn en_rust_a_nadie_no_falla_nadie() {
    assert!(tp0::difundir(&[], &Paquete::nuevo()).is_empty());
}
