//! Capítulo 7 del header: muchos clientes a la vez.

use std::ffi::{c_int, c_void};

use super::descriptores::{self, Entregado, Uso};
use super::guardia::guardia;
use super::servidor::esperar;
use crate::atencion::{self, Atencion, Cuenta, Servicio};
use crate::error::{Error, Resultado};
use crate::memoria::texto;
use crate::sistema::{Cerrojo, Compartido, Tarea, caja};

/// @brief Lo que se hace con cada cliente: recibe su descriptor, y lo que se le dio a `tp0_atender()`.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
pub type tp0_funcion_de_cliente = Option<unsafe extern "C-unwind" fn(cliente: c_int, contexto: *mut c_void)>;

/// TITULO: 7. Muchos clientes a la vez
///
/// @brief Atiende a muchos clientes a la vez: llama a `funcion` con cada uno, en un hilo propio, y libera su conexión cuando ella vuelve.
///
/// Un cliente lento, caído o que manda basura no molesta a los demás. Si se acaban los descriptores o los hilos, espera a que
/// se libere alguno y sigue. Vuelve cuando otro hilo llama a `tp0_detener()`.
///
/// @param servidor Lo que devolvió `iniciar_servidor()`.
/// @param funcion Lo que se hace con cada cliente. Corre en varios hilos a la vez: lo que compartan se protege. Puede volver cuando quiera, o
///        terminar su hilo con `pthread_exit()`. No hace falta que libere el descriptor; si lo hace, no pasa nada.
/// @param contexto Se le pasa a cada una, tal cual. Puede ser NULL.
/// @return 0 cuando se la detuvo, o -1.
/// @note errno: EINTR si corrió un manejador de señal instalado sin SA_RESTART (así Ctrl-C puede terminar un servidor), EINVAL (función
///       NULL, ya se lo está atendiendo, o no es un servidor), EBADF si no es un socket abierto, o si ya se lo detuvo, ENOMEM. También con
///       error, antes de volver da a los clientes que quedan el plazo de cierre, los corta y espera a sus hilos.
/// @note Hilos: bloquea. Cuando vuelve, ya no queda ningún hilo suyo.
///
/// @code
/// static void atender(int cliente, void *contexto) {
///     char *texto;
///     (void)contexto;
///     while ((texto = tp0_recibir_mensaje(cliente)) != NULL) {
///         enviar_mensaje(texto, cliente);
///         free(texto);
///     }
/// }
///
/// int main(void) {
///     int servidor = iniciar_servidor();
///     return tp0_atender(servidor, atender, NULL) == 0 ? 0 : 1;
/// }
/// @endcode
///
/// # Safety
/// `funcion` se puede llamar desde cualquier hilo, con `contexto`, hasta que `tp0_atender` vuelva.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tp0_atender(servidor: c_int, funcion: tp0_funcion_de_cliente, contexto: *mut c_void) -> c_int {
    guardia(|| {
        let funcion =
            funcion.ok_or_else(|| Error::Argumento(texto!("funcion es NULL: ¿qué se hace con cada cliente?")))?;
        let uso = descriptores::usar_abierto(servidor)?;
        let opciones = uso.escucha_o_nueva()?.opciones().clone();
        let atencion = Atencion::nueva()?;
        let vivos = Compartido::nuevo(Cerrojo::nuevo(Vec::new())).ok_or(SIN_MEMORIA)?;
        uso.comenzar_atencion(&atencion)?;
        let servicio = ServicioDeC { uso, funcion, contexto: Contexto(contexto), vivos };
        let salida = atencion::atender(&atencion, &servicio, opciones.clientes_maximos, opciones.plazo_de_cierre);
        servicio.uso.terminar_atencion();
        // Primero se suelta el descriptor: quien pidió el fin tiene que encontrar el puerto libre.
        drop(servicio);
        atencion.anunciar_fin();
        salida.map(|()| 0)
    })
}

/// @brief Detiene un servidor y lo libera. Si lo está atendiendo `tp0_atender()`, la termina.
///
/// Ya no acepta a nadie; a los clientes que quedan les da un plazo (`tp0_opciones_cierre_ms()`, 2 segundos), después los corta, espera a que
/// sus funciones vuelvan, y el puerto queda libre.
///
/// @param servidor El descriptor que escucha. Queda liberado.
/// @return 0, o -1.
/// @note errno: EBADF si no es un socket abierto, o si ya se lo detuvo.
/// @note Hilos: bloquea hasta que todo terminó; llamada desde la función de un cliente, sólo lo pide. No se puede llamar desde un manejador
///       de señal: ahí alcanza con instalarlo sin SA_RESTART.
///
/// @code
/// static void *hasta_enter(void *servidor) {       // en otro hilo
///     getchar();
///     tp0_detener(*(int *)servidor);
///     return NULL;
/// }
/// @endcode
#[unsafe(no_mangle)]
pub extern "C" fn tp0_detener(servidor: c_int) -> c_int {
    guardia(|| {
        let uso = descriptores::usar_abierto(servidor)?;
        let atencion = uso.atencion();
        if let Some(atencion) = &atencion {
            atencion.pedir_fin();
        }
        uso.detener();
        let liberado = descriptores::liberar(servidor);
        drop(uso);
        if let Some(atencion) = atencion.filter(|atencion| !atencion.es_de_un_cliente()) {
            atencion.esperar_fin();
        }
        liberado.map(|()| 0)
    })
}

/// El contexto del programa: qué es, y si se puede usar desde varios hilos, lo sabe él.
#[derive(Debug, Clone, Copy)]
struct Contexto(*mut c_void);

// SAFETY: es sólo un valor que se le devuelve a la función del programa, que prometió poder usarlo desde cualquier hilo.
unsafe impl Send for Contexto {}

/// Los clientes que se atienden ahora.
type Vivos = Compartido<Cerrojo<Vec<Entregado>>>;

/// Cómo se atiende desde C: cada cliente es un descriptor, que se libera cuando su función vuelve.
struct ServicioDeC {
    uso: Uso,
    funcion: unsafe extern "C-unwind" fn(c_int, *mut c_void),
    contexto: Contexto,
    vivos: Vivos,
}

impl Servicio for ServicioDeC {
    fn esperar(&self, cuenta: &Cuenta) -> Resultado<Tarea> {
        let (cliente, _) = esperar(&self.uso)?;
        let tarea = self.anotar(cliente).and_then(|()| self.tarea(cliente, cuenta));
        tarea.inspect_err(|_| soltar(&self.vivos, cliente))
    }

    fn cortar(&self) {
        for vivo in self.vivos.tomar().iter() {
            let uso = descriptores::usar(vivo.descriptor);
            if let Some(uso) = uso.ok().filter(|uso| uso.es_de_la_serie(vivo.serie)) {
                uso.terminar();
            }
        }
    }
}

impl ServicioDeC {
    fn anotar(&self, cliente: Entregado) -> Resultado<()> {
        let mut vivos = self.vivos.tomar();
        vivos.try_reserve(1).map_err(|_| SIN_MEMORIA)?;
        vivos.push(cliente);
        Ok(())
    }

    fn tarea(&self, cliente: Entregado, cuenta: &Cuenta) -> Resultado<Tarea> {
        let (funcion, contexto, entrada) = (self.funcion, self.contexto, cuenta.entrada());
        let cuerpo = caja(move || {
            let Contexto(contexto) = { contexto };
            entrada.entrar();
            // SAFETY: quien llamó a tp0_atender prometió que se puede llamar desde cualquier hilo con ese contexto.
            unsafe { funcion(cliente.descriptor, contexto) };
        });
        let (vivos, cuenta) = (self.vivos.clone(), cuenta.clone());
        let al_terminar = caja(move || {
            soltar(&vivos, cliente);
            cuenta.salir();
        });
        match (cuerpo, al_terminar) {
            (Ok(cuerpo), Ok(al_terminar)) => Ok(Tarea { cuerpo, al_terminar }),
            _ => Err(SIN_MEMORIA),
        }
    }
}

const SIN_MEMORIA: Error = Error::SinMemoria { bytes: 0 };

/// Deja de contarlo entre los vivos y lo libera.
fn soltar(vivos: &Vivos, cliente: Entregado) {
    vivos.tomar().retain(|vivo| *vivo != cliente);
    descriptores::liberar_serie(cliente.descriptor, cliente.serie);
}
