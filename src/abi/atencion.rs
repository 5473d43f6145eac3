//! Capítulo 7 del header: muchos clientes a la vez.

use std::ffi::{c_int, c_void};
use std::mem::ManuallyDrop;

use super::descriptores::{self, Entregado, con_descriptores};
use super::guardia::{guardia, guardia_con_hilos};
use super::registro;
use super::servidor::{AvisosDeC, entregar};
use crate::atencion::{self, Atencion, Cuenta, Servicio};
use crate::error::{Error, Resultado};
use crate::escucha::{Escucha, Puerta};
use crate::memoria::texto;
use crate::sistema::{Cerrojo, Compartido, Pedido, Suenio, Tarea, caja, mientras_duerme};

/// @brief Lo que se hace con cada cliente: recibe su descriptor, y lo que se le dio a `tp0_atender()`.
#[allow(non_camel_case_types, reason = "es el nombre que C conoce")]
pub type tp0_funcion_de_cliente = Option<unsafe extern "C-unwind" fn(cliente: c_int, contexto: *mut c_void)>;

/// TITULO: 7. Muchos clientes a la vez
///
/// @brief Atiende a muchos clientes a la vez: llama a `funcion` con cada uno, en un hilo propio, y libera su conexión cuando ella vuelve.
///
/// Un cliente lento, caído o que manda basura no molesta a los demás. Si se acaban los descriptores o los hilos, espera a que
/// se libere alguno (lo dice una vez en el log), sin saludar a quien nadie puede atender, y sigue. Vuelve cuando otro hilo llama a
/// `tp0_detener()`, que además libera el servidor; si vuelve por otra cosa, también por una señal, el servidor sigue escuchando: se lo puede
/// volver a atender, y si no, hay que liberarlo con `liberar_conexion()`.
///
/// @param servidor Lo que devolvió `iniciar_servidor()`.
/// @param funcion Lo que se hace con cada cliente. Corre en varios hilos a la vez: lo que compartan se protege. Puede volver cuando quiera, o
///        terminar su hilo con `pthread_exit()`, o separarlo con `pthread_detach()`. No hace falta que libere el descriptor; si lo hace, no pasa nada.
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
///     if (tp0_atender(servidor, atender, NULL) == 0) return 0;
///     fprintf(stderr, "%s\n", tp0_error());
///     liberar_conexion(servidor);    // nadie la detuvo: sigue abierto
///     return 1;
/// }
/// @endcode
///
/// # Safety
/// `funcion` se puede llamar desde cualquier hilo, con `contexto`, hasta que `tp0_atender` vuelva.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn tp0_atender(
    servidor: c_int,
    funcion: tp0_funcion_de_cliente,
    contexto: *mut c_void,
) -> c_int {
    // Los hilos que crea pueden querer cancelar al que la llamó, aunque hasta ahora hubiera uno solo.
    guardia_con_hilos(|| {
        let funcion =
            funcion.ok_or_else(|| Error::Argumento(texto!("funcion es NULL: ¿qué se hace con cada cliente?")))?;
        let uso = descriptores::usar_abierto(servidor)?;
        let opciones = uso.escucha_o_nueva()?.opciones().clone();
        let atencion = con_descriptores(Atencion::nueva)?;
        let vivos = Compartido::nuevo(Cerrojo::nuevo(Vec::new())).ok_or(SIN_MEMORIA)?;
        uso.comenzar_atencion(&atencion)?;
        let socket = uso.socket();
        let (escucha, puerta) = (uso.escucha_o_nueva()?, uso.puerta(&socket));
        let servicio = ServicioDeC { escucha, puerta, funcion, contexto: Contexto(contexto), vivos };
        let atender = |pedido: &Pedido| atencion::atender(&atencion, &servicio, opciones.clientes_maximos, pedido);
        let Suenio::Hecho(salida) = mientras_duerme(atender) else {
            // Un manejador se bifurcó, y éste es el hijo: quienes atendían quedaron en el padre, y lo que tenían tomado no se puede soltar.
            let _ = ManuallyDrop::new((servicio, atencion));
            return Err(Error::Interrumpido);
        };
        atencion::despedir(&atencion, &servicio, opciones.plazo_de_cierre);
        uso.terminar_atencion(&atencion);
        // Primero se suelta el descriptor: quien pidió el fin tiene que encontrar el puerto libre.
        drop(servicio);
        drop(uso);
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
/// @note Hilos: bloquea hasta que todo terminó; llamada desde la función de un cliente, del servidor que sea, sólo lo pide. No se puede llamar desde un manejador
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
pub extern "C-unwind" fn tp0_detener(servidor: c_int) -> c_int {
    guardia(|| {
        let uso = descriptores::usar_abierto(servidor)?;
        let atencion = uso.atencion();
        if let Some(atencion) = &atencion {
            atencion.pedir_fin();
        }
        uso.detener();
        let liberado = descriptores::liberar(servidor);
        drop(uso);
        if let Some(atencion) = atencion.filter(|_| !atencion::este_hilo_atiende_a_un_cliente()) {
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
// SAFETY: la misma razón.
unsafe impl Sync for Contexto {}

/// Los clientes que se atienden ahora.
type Vivos = Compartido<Cerrojo<Vec<Entregado>>>;

/// Cómo se atiende desde C: cada cliente es un descriptor, que se libera cuando su función vuelve.
struct ServicioDeC<'a> {
    escucha: &'a Escucha,
    puerta: Puerta<'a>,
    funcion: unsafe extern "C-unwind" fn(c_int, *mut c_void),
    contexto: Contexto,
    vivos: Vivos,
}

impl Servicio for ServicioDeC<'_> {
    fn esperar(&self, cuenta: &Cuenta, pedido: &Pedido) -> Resultado<Tarea> {
        Escucha::contar_espera(self.puerta);
        let llegada = self.escucha.esperar(self.puerta, pedido, None, &mut AvisosDeC)?;
        let (cliente, _) = entregar(self.escucha, llegada)?;
        let tarea = self.anotar(cliente).and_then(|()| self.tarea(cliente, cuenta));
        tarea.inspect_err(|_| soltar(&self.vivos, cliente))
    }

    fn sin_hilos(&self) {
        registro::faltan("No se pueden lanzar más hilos: los clientes que llegan esperan a que termine alguno.");
    }

    fn cortar(&self) {
        for vivo in self.vivos.tomar().iter() {
            let uso = descriptores::usar(vivo.descriptor);
            if let Some(uso) = uso.ok().filter(|uso| uso.es(*vivo)) {
                uso.terminar();
            }
        }
    }
}

impl ServicioDeC<'_> {
    fn anotar(&self, cliente: Entregado) -> Resultado<()> {
        let mut vivos = self.vivos.tomar();
        vivos.try_reserve(1).map_err(|_| SIN_MEMORIA)?;
        vivos.push(cliente);
        Ok(())
    }

    fn tarea(&self, cliente: Entregado, cuenta: &Cuenta) -> Resultado<Tarea> {
        let (funcion, contexto) = (self.funcion, self.contexto);
        let cuerpo = caja(move || {
            let Contexto(contexto) = { contexto };
            atencion::entrar();
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
    descriptores::liberar_entregado(cliente);
}
