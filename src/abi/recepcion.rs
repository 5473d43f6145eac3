//! Capítulo 3 del header: recibir.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{MaybeUninit, size_of};
use std::ptr;
use std::slice;

use super::descriptores::{self, Uso};
use super::guardia::{con_dos_nombres, guardia, guardia_con};
use super::lecturas::olvidar_lecturas;
use super::memoria::{self, Bloque, Lista};
use super::paquete::partes;
use super::tipos::{t_buffer, t_list, t_paquete};
use super::{punteros, registro};
use crate::error::{BytesDeHeader, Error, Parte, Resultado};
use crate::invariante::invariante;
use crate::mensaje::{error_de_recepcion, recibir_entero, recibir_header};
use crate::opciones;
use crate::protocolo::{self, Header, LARGO_DE_ENTERO, MENSAJE, PAQUETE, Valores, en_memoria};
use crate::red::{self, Canal, Corte};
use crate::ritmo::Tramo;
use crate::traza::{self, Codigo, Muestra, llega};

/// TITULO: 3. Recibir
///
/// @brief Espera el próximo mensaje y dice qué es: su código de operación. Lee esos 4 bytes y ni uno más.
///
/// -1 quiere decir que la conversación terminó: hay que salir del while. El descriptor queda reservado (recv en él da 0)
/// hasta que terminen otras 64 conexiones, o antes si hace falta el lugar (nunca son más de un cuarto de los descriptores del proceso):
/// liberarlo con `liberar_conexion()` está bien, y no liberarlo también.
///
/// @param conexion Lo que devolvió `esperar_cliente()` o `crear_conexion()`.
/// @return MENSAJE, PAQUETE u otro código (nunca negativo), o -1.
/// @note errno: 0 si el otro terminó entre un mensaje y otro (no es de temer), ECONNRESET si se cortó, EPROTO si llegó un código
///       negativo, ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EBADF si no es un socket abierto, ENOTCONN si
///       nunca se conectó, EINVAL si es el que escucha, EAGAIN si venció el SO_RCVTIMEO que puso el programa (y entonces la conexión sigue).
/// @note Hilos: bloquea. Uno solo por vez recibe de una conexión, y no hace falta que sea siempre el mismo; otro puede estar enviando.
/// @note Fuente: es la función del TP0.
///
/// @code
/// int codigo;
/// while ((codigo = recibir_operacion(cliente)) != -1) {
///     switch (codigo) {
///     case MENSAJE:
///         recibir_mensaje(cliente);
///         break;
///     case PAQUETE: {
///         t_list *valores = recibir_paquete(cliente);
///         // ... usarlos ...
///         tp0_liberar_lista(valores);
///         break;
///     }
///     default: {               // un código que no se conoce: se descarta
///         int tamanio;
///         free(recibir_buffer(&tamanio, cliente));
///     }
///     }
/// }
/// liberar_conexion(cliente);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn recibir_operacion(conexion: c_int) -> c_int {
    con_dos_nombres!(recibir_operacion, tp0_recibir_operacion, |conexion: c_int| -> c_int {
        guardia(|| {
            let uso = descriptores::usar(conexion)?;
            let codigo = o_terminar(&uso, recibir_codigo(&uso))?;
            uso.anotar_codigo(codigo);
            llega!(&uso.fd(), "código de operación: {}", Codigo(Some(codigo)));
            Ok(codigo)
        })
    })
}

/// @brief Recibe un payload entero: después de `recibir_operacion()`, para los códigos propios del programa.
///
/// @param size Donde se deja el tamaño del payload, en bytes. Ante un error, 0.
/// @param conexion La conexión.
/// @return El payload, o NULL. Lleva un `'\0'` escondido detrás, que no se cuenta: si es un texto, se puede imprimir.
/// @note errno: ECONNRESET si se cortó, EPROTO si llegó un tamaño negativo, EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si
///       el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO que puso el programa, ENOMEM,
///       EBADF, ENOTCONN si nunca se conectó, EINVAL (`size` es NULL, o es el socket que escucha). Ante un error, la conexión se termina: el
///       próximo `recibir_operacion()` da -1.
/// @note Hilos: como `recibir_operacion()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
/// @note Fuente: es la función del TP0.
///
/// @code
/// if (recibir_operacion(cliente) == CREAR_PROCESO) {
///     int tamanio;
///     void *payload = recibir_buffer(&tamanio, cliente);
///     if (payload != NULL) printf("llegaron %d bytes\n", tamanio);
///     free(payload);
/// }
/// @endcode
///
/// # Safety
/// `size` es NULL o un `int` que sólo este hilo usa.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn recibir_buffer(size: *mut c_int, conexion: c_int) -> *mut c_void {
    con_dos_nombres!(recibir_buffer, tp0_recibir_buffer, |size: *mut c_int, conexion: c_int| -> *mut c_void {
        guardia(|| {
            let uso = descriptores::usar(conexion)?;
            // SAFETY: lo promete quien llama. Sin dónde dejar el tamaño no se recibe: la conexión quedaría en el medio de un mensaje.
            let size = unsafe { punteros::prestado(size, "size") }.inspect_err(|_| uso.enterrar())?;
            *size = 0;
            let (bloque, tamanio) = o_terminar(&uso, recibir_payload(&uso))?;
            *size = invariante!(c_int::try_from(tamanio).ok());
            olvidar_lecturas();
            Ok(bloque.entregar())
        })
    })
}

/// @brief Recibe el texto de un MENSAJE y lo anota en el log: `Me llego el mensaje ...` (info).
///
/// Sin commons o sin `logger`, lo imprime en la salida del programa. Para quedarse con el texto está `tp0_recibir_mensaje()`.
///
/// @param conexion La conexión, después de que `recibir_operacion()` dio MENSAJE.
/// @return 0, o -1.
/// @note errno: ECONNRESET si se cortó, EPROTO si llegó un tamaño negativo, EMSGSIZE si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si
///       el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO que puso el programa, ENOMEM,
///       EBADF, ENOTCONN si nunca se conectó, EINVAL si es el que escucha. Ante un error, la conexión se termina.
/// @note Hilos: como `recibir_operacion()`.
/// @note Memoria: no hay nada que liberar.
/// @note Fuente: es la función del TP0 (ahí no devuelve nada).
#[unsafe(no_mangle)]
pub extern "C-unwind" fn recibir_mensaje(conexion: c_int) -> c_int {
    guardia(|| {
        let uso = descriptores::usar(conexion)?;
        let (bloque, _) = o_terminar(&uso, recibir_payload(&uso))?;
        let texto = bloque.entregar();
        // SAFETY: el bloque termina en el '\0' escondido, si no antes.
        registro::mensaje_recibido(unsafe { CStr::from_ptr(texto.cast()) });
        // SAFETY: se acaba de recibir y nadie más lo tiene.
        unsafe { memoria::liberar(texto) };
        Ok(0)
    })
}

/// @brief Recibe los valores de un PAQUETE, como una lista de commons.
///
/// Después de `recibir_operacion()` lee lo que falta. Sin ella recibe un mensaje entero: de un PAQUETE, sus valores; de un
/// MENSAJE, una lista con su texto. Así alcanza con seis funciones para conversar.
///
/// La lista no dice cuánto mide cada valor: si no son textos, tienen que ser de un tamaño conocido.
///
/// @param conexion La conexión.
/// @return La lista, con cada valor en su propia memoria y un `'\0'` escondido detrás. Nunca NULL (salvo que no haya memoria): ante
///         un error, o cuando el otro terminó, es la lista vacía y `tp0_error()` no es NULL.
/// @note errno: 0 si el otro terminó entre un mensaje y otro, ECONNRESET si se cortó, EPROTO si los largos no cierran, EMSGSIZE si pasa de
///       `TP0_TAMANIO_MAXIMO` (64 MiB) o si sus valores, cada uno en su propia memoria, ocuparían más de cuatro veces eso, ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el SO_RCVTIMEO
///       que puso el programa, ENOMEM, EBADF, ENOTCONN si nunca se conectó, EINVAL si es el que escucha. Ante un error, la conexión se
///       termina.
/// @note Hilos: como `recibir_operacion()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `tp0_liberar_lista()` o con
///       `list_destroy_and_destroy_elements(lista, free)`.
/// @note Fuente: es la función del TP0.
/// @warning Si el programa lee por su cuenta el código de operación de un PAQUETE vacío, se lo confunde con el comienzo de otro mensaje.
///
/// @code
/// t_list *valores = recibir_paquete(conexion);
/// while (tp0_error() == NULL) {       // hasta que el otro termine
///     for (t_link_element *v = valores->head; v != NULL; v = v->next)
///         puts(v->data);
///     tp0_liberar_lista(valores);
///     valores = recibir_paquete(conexion);
/// }
/// tp0_liberar_lista(valores);
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn recibir_paquete(conexion: c_int) -> *mut t_list {
    con_dos_nombres!(recibir_paquete, tp0_recibir_paquete, |conexion: c_int| -> *mut t_list {
        guardia_con(
            || {
                let uso = descriptores::usar(conexion)?;
                o_terminar(&uso, recibir_lista(&uso)).map(Lista::entregar)
            },
            |_| Lista::nueva(0).map_or(ptr::null_mut(), Lista::entregar),
        )
    })
}

/// @brief Recibe un mensaje entero, en una sola llamada: código de operación y payload.
///
/// Después de `recibir_operacion()` recibe sólo lo que falta.
///
/// @param conexion La conexión.
/// @return El mensaje, o NULL cuando el otro terminó o hubo un error. Detrás de su payload hay un `'\0'` escondido.
/// @note errno: 0 si el otro terminó entre un mensaje y otro, ECONNRESET si se cortó, EPROTO si llegó un código o un tamaño negativo, EMSGSIZE
///       si pasa de `TP0_TAMANIO_MAXIMO` (64 MiB), ETIMEDOUT si el otro dejó de responder (`tp0_opciones_keepalive()`), EAGAIN si venció el
///       SO_RCVTIMEO que puso el programa (y si había llegado algo, la conexión se termina), ENOMEM, EBADF, ENOTCONN si nunca se conectó,
///       EINVAL si es el que escucha. Ante un error que no sea EAGAIN, la conexión se termina.
/// @note Hilos: como `recibir_operacion()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `eliminar_paquete()`.
/// @note Sus datos se leen con `tp0_valores()` o con las funciones `buffer_read_*` sobre su `buffer`, o como texto.
///
/// @code
/// t_paquete *paquete;
/// while ((paquete = tp0_recibir(cliente)) != NULL) {
///     switch ((int)paquete->codigo_operacion) {
///     case MENSAJE:
///         puts(paquete->buffer->stream);
///         break;
///     case CREAR_PROCESO:
///         crear_proceso(buffer_read_uint32(paquete->buffer));
///         break;
///     }
///     eliminar_paquete(paquete);
/// }
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_recibir(conexion: c_int) -> *mut t_paquete {
    guardia(|| {
        let uso = descriptores::usar(conexion)?;
        let (codigo, bloque, tamanio) = o_terminar(&uso, recibir_entero_y_payload(&uso))?;
        armar_paquete(codigo, bloque, tamanio)
    })
}

/// @brief Recibe un MENSAJE entero y devuelve su texto.
///
/// Después de `recibir_operacion()` recibe sólo lo que falta.
///
/// @param conexion La conexión.
/// @return El texto, o NULL cuando el otro terminó o hubo un error.
/// @note errno: los de `tp0_recibir()`; EPROTO también si llegó un mensaje con otro código: se lo descarta y la conexión sigue.
/// @note Hilos: como `recibir_operacion()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `free()`.
///
/// @code
/// char *texto;
/// while ((texto = tp0_recibir_mensaje(conexion)) != NULL) {
///     puts(texto);
///     free(texto);
/// }
/// @endcode
#[unsafe(no_mangle)]
pub extern "C-unwind" fn tp0_recibir_mensaje(conexion: c_int) -> *mut c_char {
    guardia(|| {
        let uso = descriptores::usar(conexion)?;
        let (codigo, bloque, _) = o_terminar(&uso, recibir_entero_y_payload(&uso))?;
        if codigo != MENSAJE {
            return Err(Error::OtroCodigo { esperado: MENSAJE, codigo });
        }
        Ok(bloque.entregar().cast())
    })
}

/// @brief Los valores de un PAQUETE ya recibido, como una lista de commons. Se copian.
///
/// @param paquete Lo que devolvió `tp0_recibir()`. No lo cambia ni lo libera.
/// @return La lista, o NULL. Cada valor lleva un `'\0'` escondido detrás.
/// @note errno: EPROTO si los largos no cierran, EMSGSIZE si sus valores ocuparían más de cuatro veces `TP0_TAMANIO_MAXIMO` (64 MiB), EINVAL
///       (NULL, o mal armado, o la variable lo está), ENOMEM.
/// @note Hilos: como `crear_paquete()`.
/// @note Memoria: una vez que se deje de usar, se debe liberar con `tp0_liberar_lista()`.
///
/// @code
/// t_paquete *paquete = tp0_recibir(cliente);
/// t_list *valores = tp0_valores(paquete);
/// if (valores != NULL)
///     printf("llegaron %d valores\n", valores->elements_count);
/// tp0_liberar_lista(valores);
/// eliminar_paquete(paquete);
/// @endcode
///
/// # Safety
/// `paquete` es NULL o un paquete bien formado que nadie cambia mientras dura la llamada.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_valores(paquete: *const t_paquete) -> *mut t_list {
    guardia(|| {
        // SAFETY: `paquete`, si no es NULL, es de la biblioteca, y su buffer mide lo que dice.
        let (_, payload) = unsafe { partes(paquete) }?;
        valores_de(payload, limite_de_lo_recibido(payload)?).map(Lista::entregar)
    })
}

/// @brief Libera una lista de las que devuelve `recibir_paquete()`: la lista, sus nodos y sus valores.
///
/// @param lista La lista. NULL no hace nada.
/// @note errno: no falla.
/// @note Hilos: la puede llamar cualquiera, con una lista que nadie más usa. No bloquea.
///
/// # Safety
/// `lista` es NULL, o una de `recibir_paquete` que no se liberó.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_liberar_lista(lista: *mut t_list) {
    guardia(|| {
        // SAFETY: `lista` es de malloc, y nadie más lo usa.
        unsafe { memoria::liberar_lista(lista) };
        Ok(())
    });
}

/// Un mensaje entero, o lo que falta si ya se leyó el código. Sin él, el header se pide de una sola vez: son 8 bytes del mensaje.
fn recibir_entero_y_payload(uso: &Uso) -> Resultado<(i32, Bloque, usize)> {
    let header = match uso.usar_codigo() {
        Some(codigo) => {
            let tamanio = recibir_tamanio(uso, Some(codigo.to_le_bytes()))?;
            Header::nuevo(codigo, tamanio, u32::MAX)?
        }
        None => {
            let bytes = recibir_header(uso)?;
            let [.., a, b, c, d] = bytes;
            Header::de_bytes(bytes, limite_para(uso, [a, b, c, d])?)?
        }
    };
    let tamanio = en_memoria(header.tamanio());
    Ok((header.codigo(), recibir_bloque(uso, Some(header.codigo()), tamanio)?, tamanio))
}

/// Recibe un tamaño, sabiendo qué código lo precedió si la biblioteca lo leyó.
#[inline(always)]
fn recibir_tamanio(uso: &Uso, codigo: Option<[u8; LARGO_DE_ENTERO]>) -> Resultado<usize> {
    let leidos = BytesDeHeader { codigo, tamanio: recibir_entero(uso, Parte::Tamanio)? };
    protocolo::leer_tamanio(leidos, limite_para(uso, leidos.tamanio)?).map(en_memoria)
}

/// El límite para un tamaño todavía sin comprobar.
#[inline(always)]
fn limite_para(uso: &Uso, tamanio: [u8; LARGO_DE_ENTERO]) -> Resultado<u32> {
    uso.limite_para(en_memoria(u32::from_le_bytes(tamanio)))
}

/// Un mensaje recibido, con la forma que C conoce.
fn armar_paquete(codigo: i32, payload: Bloque, tamanio: usize) -> Resultado<*mut t_paquete> {
    olvidar_lecturas();
    let size = invariante!(c_int::try_from(tamanio).ok());
    // Se piden los tres antes de entregar ninguno: si falta memoria, se liberan solos.
    let (buffer, paquete) = (Bloque::nuevo(size_of::<t_buffer>())?, Bloque::nuevo(size_of::<t_paquete>())?);
    let buffer = buffer.entregar_con(t_buffer { size, offset: 0, stream: payload.entregar() });
    Ok(paquete.entregar_con(t_paquete { codigo_operacion: codigo, buffer }))
}

#[inline(always)]
fn recibir_codigo(uso: &Uso) -> Resultado<i32> {
    protocolo::leer_codigo(recibir_entero(uso, Parte::Codigo)?)
}

/// Si falló, la conexión quedó en el medio de algo: se la termina para que la próxima operación dé -1. Con shutdown no alcanza: lo que ya
/// había llegado se seguiría leyendo, y nadie sabe dónde empieza el próximo mensaje.
#[inline(always)]
fn o_terminar<T>(uso: &Uso, recibido: Resultado<T>) -> Resultado<T> {
    recibido.inspect_err(|error| terminar_si_corresponde(uso, error))
}

#[cold]
#[inline(never)]
fn terminar_si_corresponde(uso: &Uso, error: &Error) {
    let sigue = matches!(
        error,
        Error::TiempoDelPrograma { en_el_medio: false }
            | Error::Argumento(_)
            | Error::Descriptor { .. }
            | Error::Escucha { .. }
            | Error::SinConectar { .. }
            | Error::Entorno { .. }
            | Error::OtroCodigo { .. }
    );
    if !sigue {
        uso.enterrar();
    }
}

/// Tamaño y payload, con el `'\0'` escondido.
#[inline(always)]
fn recibir_payload(uso: &Uso) -> Resultado<(Bloque, usize)> {
    let codigo = uso.tomar_codigo();
    let tamanio = recibir_tamanio(uso, codigo.map(i32::to_le_bytes))?;
    Ok((recibir_bloque(uso, codigo, tamanio)?, tamanio))
}

fn recibir_lista(uso: &Uso) -> Resultado<Lista> {
    if let Some(codigo) = uso.usar_codigo() {
        return recibir_valores(uso, codigo, recibir_tamanio(uso, Some(codigo.to_le_bytes()))?);
    }
    let primero = recibir_entero(uso, Parte::Codigo)?;
    match i32::from_le_bytes(primero) {
        // El código PAQUETE: como tamaño no puede ser, porque un valor ocupa al menos 4 bytes.
        PAQUETE => recibir_valores(uso, PAQUETE, recibir_tamanio(uso, Some(primero))?),
        MENSAJE => {
            let tamanio = recibir_tamanio(uso, Some(primero))?;
            let mut lista = Lista::nueva(uso.limite_para(tamanio.saturating_mul(4))?)?;
            lista.agregar(tamanio, || recibir_bloque(uso, Some(MENSAJE), tamanio))?;
            Ok(lista)
        }
        // Un tamaño: el código lo leyó el programa por su cuenta.
        _ => {
            let leidos = BytesDeHeader { codigo: None, tamanio: primero };
            let tamanio = protocolo::leer_tamanio(leidos, limite_para(uso, primero)?)?;
            recibir_valores(uso, PAQUETE, en_memoria(tamanio))
        }
    }
}

/// Lo que se recibe en la pila, sin pedir memoria. Chico: la pila de un hilo puede ser de 16 KiB (PTHREAD_STACK_MIN).
const CABE_EN_LA_PILA: usize = 2 * 1024;
/// Lo que se recibe junto: los paquetes de valores chicos llegan con una sola recepción.
const CABE: usize = 16 * 1024;
/// Lo que se pide de entrada para un valor: más, sólo a medida que llega. Un tamaño anunciado no reserva memoria.
const TRAMO: usize = 1024 * 1024;

/// Un payload entero en memoria para C, con el `'\0'` escondido. Va del socket a su lugar, sin copias.
#[inline(always)]
fn recibir_bloque(uso: &Uso, codigo: Option<i32>, tamanio: usize) -> Resultado<Bloque> {
    let bloque = Payload::de(uso, tamanio).entero()?;
    if traza::activa() {
        // SAFETY: se acaba de recibir entero.
        traza::contar_mensaje_recibido(&uso.fd(), codigo, unsafe { bloque.escritos(tamanio) });
    }
    Ok(bloque)
}

/// Los valores de un payload.
fn recibir_valores(uso: &Uso, codigo: i32, tamanio: usize) -> Resultado<Lista> {
    let limite = uso.limite_para(tamanio.saturating_mul(4))?;
    let payload = Payload::de(uso, tamanio);
    if tamanio <= CABE_EN_LA_PILA {
        return payload.valores_juntos(codigo, &mut [MaybeUninit::uninit(); CABE_EN_LA_PILA], limite);
    }
    let mut cerca = Bloque::nuevo(tamanio.min(CABE))?;
    if tamanio <= CABE {
        payload.valores_juntos(codigo, cerca.bytes(), limite)
    } else {
        payload.valores_de_a_poco(codigo, cerca.bytes(), limite)
    }
}

/// Los valores de un payload que ya está entero.
#[inline(never)]
fn valores_de(payload: &[u8], limite: u32) -> Resultado<Lista> {
    let mut lista = Lista::nueva(limite)?;
    for valor in Valores::de(payload) {
        let valor = valor?;
        lista.agregar(valor.len(), || Bloque::con(valor))?;
    }
    Ok(lista)
}

/// El límite con que se recibió un payload del que no se sabe por dónde llegó: el del entorno, o más si mide más.
fn limite_de_lo_recibido(payload: &[u8]) -> Resultado<u32> {
    let mide = invariante!(u32::try_from(payload.len()).ok());
    // A uno chico no lo alcanza ningún tope, y mirar el entorno cuesta.
    if payload.len() <= CABE_EN_LA_PILA { Ok(mide) } else { Ok(opciones::tamanio_maximo_del_entorno()?.max(mide)) }
}

/// Un payload que se está recibiendo. Nunca pide al socket un byte que no sea suyo.
struct Payload<'a> {
    uso: &'a Uso,
    /// Bytes que mide.
    tamanio: usize,
    /// Bytes que ya salieron del socket.
    recibidos: usize,
}

impl<'a> Payload<'a> {
    #[inline(always)]
    fn de(uso: &'a Uso, tamanio: usize) -> Self {
        Self { uso, tamanio, recibidos: 0 }
    }

    /// Todo, en un solo bloque.
    #[inline(always)]
    fn entero(mut self) -> Resultado<Bloque> {
        let tamanio = self.tamanio;
        if tamanio > TRAMO {
            return self.bloque_que_empieza_con(&[], tamanio);
        }
        // Casi todos: sin lo que hace falta para que uno crezca.
        let mut bloque = Bloque::nuevo(tamanio + 1)?;
        self.recibir_en(invariante!(bloque.bytes().get_mut(..tamanio)))?;
        bloque.terminar_en(tamanio);
        Ok(bloque)
    }

    /// Recibe hasta tener `minimo` bytes en `destino`, y los que ya estén hasta llenarlo. Dice cuántos.
    #[inline(always)]
    fn recibir_al_menos(&mut self, destino: &mut [MaybeUninit<u8>], minimo: usize) -> Resultado<usize> {
        let recibidos =
            red::recibir_al_menos(self.uso, Tramo::Resto, destino, minimo).map_err(|corte| self.cortado(corte))?;
        self.recibidos += recibidos;
        Ok(recibidos)
    }

    /// Recibe hasta llenar `destino`.
    #[inline(always)]
    fn recibir_en(&mut self, destino: &mut [MaybeUninit<u8>]) -> Resultado<()> {
        let minimo = destino.len();
        self.recibir_al_menos(destino, minimo).map(|_| ())
    }

    #[cold]
    #[inline(never)]
    fn cortado(&self, corte: Corte) -> Error {
        let corte = Corte { movidos: self.recibidos + corte.movidos, ..corte };
        error_de_recepcion(self.uso, corte, Parte::Payload, self.tamanio)
    }

    /// Todos los valores, con el payload entero en `cerca`, donde cabe.
    #[inline(always)]
    fn valores_juntos(mut self, codigo: i32, cerca: &mut [MaybeUninit<u8>], limite: u32) -> Resultado<Lista> {
        let payload = invariante!(cerca.get_mut(..self.tamanio));
        self.recibir_en(payload)?;
        // SAFETY: se acaba de recibir entero, y nadie más lo tiene.
        let payload = unsafe { slice::from_raw_parts(payload.as_ptr().cast::<u8>(), payload.len()) };
        if traza::activa() {
            traza::contar_mensaje_recibido(&self.uso.fd(), Some(codigo), payload);
        }
        valores_de(payload, limite)
    }

    /// Todos los valores, de un payload grande: los chicos, de a muchos por recepción; los grandes, derecho a su lugar.
    fn valores_de_a_poco(mut self, codigo: i32, cerca: &mut [MaybeUninit<u8>], limite: u32) -> Resultado<Lista> {
        let mut lista = Lista::nueva(limite)?;
        let mut cerca = Cerca { bytes: cerca, desde: 0, hasta: 0 };
        let mut muestra = Muestra::vacia();
        // Del primero, sólo el largo: si es grande, no hay por qué copiarlo.
        let mut de_una_vez = LARGO_DE_ENTERO;
        loop {
            match self.tamanio - self.recibidos + cerca.hay() {
                0 => {
                    if traza::activa() {
                        traza::contar_paquete_recibido(&self.uso.fd(), codigo, self.tamanio, &muestra);
                    }
                    return Ok(lista);
                }
                sobran @ 1..LARGO_DE_ENTERO => return Err(Error::SobranBytes { sobran }),
                quedan => {
                    cerca.acercar(&mut self, LARGO_DE_ENTERO, de_una_vez)?;
                    let largo = protocolo::leer_largo(cerca.entero(), quedan - LARGO_DE_ENTERO)?;
                    let es_chico = largo <= CABE / 4;
                    de_una_vez = if es_chico { CABE } else { LARGO_DE_ENTERO };
                    if es_chico {
                        cerca.acercar(&mut self, largo, de_una_vez)?;
                    }
                    lista.agregar(largo, || {
                        let valor = self.bloque_que_empieza_con(cerca.tomar(largo), largo)?;
                        if traza::activa() {
                            // SAFETY: se acaba de recibir entero.
                            muestra.agregar(unsafe { valor.escritos(largo) });
                        }
                        Ok(valor)
                    })?;
                }
            }
        }
    }

    /// Un valor de `largo` bytes, en memoria para C y con el `'\0'` escondido. Lo que no está en `comienzo` va del socket a su lugar, y
    /// la memoria crece con lo que llega.
    fn bloque_que_empieza_con(&mut self, comienzo: &[MaybeUninit<u8>], largo: usize) -> Resultado<Bloque> {
        let mut hay = comienzo.len();
        let mut bloque = Bloque::nuevo(largo.min(TRAMO.max(hay)) + 1)?;
        invariante!(bloque.bytes().get_mut(..hay)).copy_from_slice(comienzo);
        while hay < largo {
            let hasta = largo.min(TRAMO.max(hay * 2));
            if bloque.largo() <= hasta {
                bloque.medir(hasta + 1)?;
            }
            self.recibir_en(invariante!(bloque.bytes().get_mut(hay..hasta)))?;
            hay = hasta;
        }
        bloque.terminar_en(largo);
        Ok(bloque)
    }
}

/// Los bytes de un payload ya recibidos y todavía no entregados: `bytes[desde..hasta]`.
struct Cerca<'a> {
    bytes: &'a mut [MaybeUninit<u8>],
    desde: usize,
    hasta: usize,
}

impl Cerca<'_> {
    fn hay(&self) -> usize {
        self.hasta - self.desde
    }

    /// Recibe hasta tener `cantidad` bytes, y hasta `de_una_vez` si ya llegaron.
    fn acercar(&mut self, payload: &mut Payload<'_>, cantidad: usize, de_una_vez: usize) -> Resultado<()> {
        let hay = self.hay();
        if hay >= cantidad {
            return Ok(());
        }
        self.bytes.copy_within(self.desde..self.hasta, 0);
        (self.desde, self.hasta) = (0, hay);
        let hasta = de_una_vez.max(cantidad).min(hay + (payload.tamanio - payload.recibidos));
        let libre = invariante!(self.bytes.get_mut(hay..hasta));
        self.hasta += payload.recibir_al_menos(libre, cantidad - hay)?;
        Ok(())
    }

    /// El próximo entero, que ya está cerca.
    fn entero(&mut self) -> [u8; LARGO_DE_ENTERO] {
        let bytes = *invariante!(self.tomar(LARGO_DE_ENTERO).first_chunk::<LARGO_DE_ENTERO>());
        // SAFETY: hasta `hasta` se recibió todo.
        bytes.map(|byte| unsafe { byte.assume_init() })
    }

    /// Los próximos `cantidad` bytes, o los que haya.
    fn tomar(&mut self, cantidad: usize) -> &[MaybeUninit<u8>] {
        let desde = self.desde;
        self.desde = self.hasta.min(desde + cantidad);
        invariante!(self.bytes.get(desde..self.desde))
    }
}
