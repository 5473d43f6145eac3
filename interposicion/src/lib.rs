//! `libtp0_trazar.so`: lo que `tp0 trazar` precarga (`LD_PRELOAD`) en un programa para ver sus llamadas de sockets. Cada función de acá llama a la
//! de verdad y cuenta qué pasó, en una memoria compartida con la herramienta; juzgar, decodificar y escribir es asunto de ella.
//!
//! El programa no nota nada: los mismos resultados, el mismo `errno`, ningún descriptor de más, ninguna memoria pedida y ningún cerrojo tomado. Se puede
//! llamar desde un manejador de señales, `pthread_cancel` sigue valiendo adentro de cada llamada (por eso `C-unwind`, y nada que haya que soltar), y el
//! hijo de un fork, o el programa que lo reemplace, se siguen contando.
//!
//! ```text
//! lib            las funciones que se interponen
//! anillo         escribir en la memoria compartida
//! quienes        desde dónde se llamó
//! presentacion   el programa empieza, se bifurca, termina
//! registro       qué se cuenta, y con qué forma: lo comparte con la herramienta
//! ```
//!
//! De std no se usa nada: está para lo que el compilador espera de ella.
#![no_std]

extern crate std;

mod anillo;
mod presentacion;
mod quienes;
#[allow(dead_code, reason = "la otra mitad la usa la herramienta")]
mod registro;

use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use core::{mem, ptr, slice};

use libc::{iovec, msghdr, pid_t, size_t, sockaddr, socklen_t, ssize_t};

use anillo::{Partes, contar, errno, poner_errno};
use quienes::Funcion;
use registro::{ENTRA, NADA, OTRO, Que, Registro, SALE, SIN_SABER, TCP};

// --- Las de verdad --------------------------------------------------------------------------------------------------------

/// La función de la biblioteca de C, o la de otro que también se haya interpuesto.
struct Real(AtomicPtr<c_void>, &'static CStr);

impl Real {
    fn buscar(&self) -> *mut c_void {
        let hallada = self.0.load(Ordering::Relaxed);
        if !hallada.is_null() {
            return hallada;
        }
        // SAFETY: el nombre termina en cero.
        let hallada = unsafe { libc::dlsym(libc::RTLD_NEXT, self.1.as_ptr()) };
        self.0.store(hallada, Ordering::Relaxed);
        hallada
    }
}

macro_rules! reales {
    ($($nombre:ident = $texto:literal),* $(,)?) => {
        $(static $nombre: Real = Real(AtomicPtr::new(ptr::null_mut()), $texto);)*
        /// Se buscan al empezar: dlsym no se puede llamar desde un manejador.
        fn buscar_todas() {
            $($nombre.buscar();)*
        }
    };
}

reales! {
    SOCKET = c"socket", BIND = c"bind", LISTEN = c"listen", ACCEPT = c"accept", ACCEPT4 = c"accept4", CONNECT = c"connect",
    SEND = c"send", SENDTO = c"sendto", SENDMSG = c"sendmsg", WRITE = c"write", WRITEV = c"writev",
    RECV = c"recv", RECVFROM = c"recvfrom", RECVMSG = c"recvmsg", READ = c"read", READV = c"readv",
    RECV_CHK = c"__recv_chk", RECVFROM_CHK = c"__recvfrom_chk", READ_CHK = c"__read_chk",
    SETSOCKOPT = c"setsockopt", SHUTDOWN = c"shutdown", CLOSE = c"close",
    DUP = c"dup", DUP2 = c"dup2", DUP3 = c"dup3", FORK = c"fork",
}

/// Llama a la de verdad.
macro_rules! llamar {
    ($real:ident, ($($argumento:expr),*) : ($($tipo:ty),*) -> $sale:ty) => {{
        type Funcion = unsafe extern "C-unwind" fn($($tipo),*) -> $sale;
        // SAFETY: o es nula, o es la función que en el manual tiene esa forma.
        match unsafe { mem::transmute::<*mut c_void, Option<Funcion>>($real.buscar()) } {
            // SAFETY: los argumentos son los que dio el programa.
            Some(real) => unsafe { real($($argumento),*) },
            None => {
                poner_errno(libc::ENOSYS);
                -1
            }
        }
    }};
}

// --- Contar -----------------------------------------------------------------------------------------------------------

/// Qué hay en un descriptor. Se le pregunta al sistema, que es quien sabe: pudo llegar por herencia, de un dup o de otro proceso.
fn que_es(fd: c_int) -> u8 {
    let antes = errno();
    let mut protocolo: c_int = 0;
    let mut mide = 4;
    let donde = (&raw mut protocolo).cast::<c_void>();
    // SAFETY: el lugar y su medida viven durante la llamada.
    let salio = unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL, donde, &raw mut mide) };
    let no_esta = salio != 0 && errno() == libc::EBADF;
    poner_errno(antes);
    match (salio, protocolo) {
        (0, libc::IPPROTO_TCP) => TCP,
        _ if no_esta => NADA,
        _ => OTRO,
    }
}

/// Los bytes que llegaron y nadie leyó.
fn sin_leer(fd: c_int) -> c_int {
    let antes = errno();
    let mut cuantos: c_int = 0;
    // SAFETY: escribe un int.
    unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut cuantos) };
    poner_errno(antes);
    cuantos
}

/// En qué estado está la conexión, con los números del sistema. 0: no se sabe.
fn estado(fd: c_int) -> u8 {
    let antes = errno();
    let mut estado = 0_u8;
    let mut mide = 1;
    // SAFETY: es lo primero de lo que da TCP_INFO, y el lugar y su medida viven durante la llamada.
    unsafe {
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut estado).cast::<c_void>(), &raw mut mide)
    };
    poner_errno(antes);
    estado
}

/// Lo que se va a contar de una llamada sobre ese descriptor. `None`: no es de TCP, o no hay a quién contarle.
fn mirar(esta: Funcion, que: Que, fd: c_int) -> Option<Registro> {
    if !anillo::hay() {
        return None;
    }
    let clase = que_es(fd);
    if clase == OTRO {
        return None;
    }
    presentacion::anotar_descriptor(fd);
    let mut registro = Registro::nuevo(que, ENTRA);
    (registro.clase, registro.fd) = (clase, fd);
    registro.quienes = de_quienes(esta);
    Some(registro)
}

fn de_quienes(esta: Funcion) -> [u64; registro::QUIENES] {
    let antes = errno();
    let quienes = quienes::buscar(esta);
    poner_errno(antes);
    quienes
}

/// Una que puede dormir: se cuenta también que entró.
fn entrar(
    esta: Funcion,
    que: Que,
    nombre: u8,
    fd: c_int,
    pedido: [i64; 2],
    puntero: *const c_void,
) -> Option<Registro> {
    let mut registro = mirar(esta, que, fd)?;
    registro.nombre = nombre;
    let [largo, opciones] = pedido;
    let mortal = que == Que::Send && opciones & i64::from(libc::MSG_NOSIGNAL) == 0 && mata_sigpipe();
    registro.pedido = [largo, opciones, i64::from(mortal)];
    registro.puntero = u64::try_from(puntero as usize).unwrap_or(0);
    contar(registro, Partes::ninguna());
    Some(registro)
}

/// Si a este hilo SIGPIPE lo mata: ni se la ignora, ni se la atiende, ni está bloqueada.
fn mata_sigpipe() -> bool {
    let antes = errno();
    let mut accion = mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: sólo pregunta, y hay lugar para la respuesta.
    unsafe { libc::sigaction(libc::SIGPIPE, ptr::null(), accion.as_mut_ptr()) };
    let mut bloqueadas = mem::MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sólo pregunta, y hay lugar para la respuesta.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), bloqueadas.as_mut_ptr()) };
    poner_errno(antes);
    // SAFETY: en cero ya es un valor, y si se pudo preguntar, el que dio el sistema.
    let accion = unsafe { accion.assume_init() };
    // SAFETY: lo mismo.
    let bloqueada = unsafe { libc::sigismember(bloqueadas.as_ptr(), libc::SIGPIPE) };
    accion.sa_sigaction == libc::SIG_DFL && bloqueada != 1
}

fn salir(registro: Option<Registro>, resultado: ssize_t, partes: Partes<'_>) {
    let Some(mut registro) = registro else { return };
    registro.momento = SALE;
    registro.resultado = i64::try_from(resultado).unwrap_or(-1);
    registro.errno = if resultado < 0 { errno() } else { 0 };
    contar(registro, partes);
}

/// Terminó, y no hay más que decir.
fn salir_sin_mas(registro: Option<Registro>, resultado: c_int) {
    salir(registro, en_ssize(resultado), Partes::ninguna());
}

fn en_ssize(numero: c_int) -> ssize_t {
    ssize_t::try_from(numero).unwrap_or(-1)
}

/// Lo movido, si algo se movió. Lo que sólo se espió, o vino fuera de banda, no es parte de la conversación.
fn movidos(resultado: ssize_t, opciones: c_int) -> usize {
    if opciones & (libc::MSG_PEEK | libc::MSG_OOB | libc::MSG_ERRQUEUE) != 0 {
        return 0;
    }
    usize::try_from(resultado).unwrap_or(0)
}

fn pedido(largo: size_t, opciones: c_int) -> [i64; 2] {
    // Uno enorme es casi siempre un negativo.
    [i64::from_ne_bytes(u64::try_from(largo).unwrap_or(u64::MAX).to_ne_bytes()), i64::from(opciones)]
}

/// Una llamada con un solo lugar en memoria.
fn salir_con(registro: Option<Registro>, resultado: ssize_t, opciones: c_int, datos: *const c_void, mide: size_t) {
    let parte = iovec { iov_base: datos.cast_mut(), iov_len: mide };
    salir(registro, resultado, Partes::de(&[parte], movidos(resultado, opciones)));
}

/// Una llamada con varios. Sólo después de que anduvo se sabe que se pueden leer.
fn salir_con_varias(
    registro: Option<Registro>,
    resultado: ssize_t,
    opciones: c_int,
    partes: *const iovec,
    cuantas: usize,
) {
    let partes = if resultado < 0 || partes.is_null() || registro.is_none() {
        &[]
    } else {
        // SAFETY: el sistema acaba de leerlas.
        unsafe { slice::from_raw_parts(partes, cuantas) }
    };
    let registro = registro.map(|mut registro| {
        let todo = partes.iter().fold(0_usize, |todo, parte| todo.saturating_add(parte.iov_len));
        registro.pedido[0] = i64::try_from(todo).unwrap_or(i64::MAX);
        let primera = partes.first().map_or(ptr::null_mut(), |parte| parte.iov_base);
        registro.puntero = u64::try_from(primera as usize).unwrap_or(0);
        registro
    });
    salir(registro, resultado, Partes::de(partes, movidos(resultado, opciones)));
}

/// Lo que mide una dirección de internet, la más larga.
const DIRECCION: usize = size_of::<libc::sockaddr_in6>();

type Preguntar = unsafe extern "C" fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;

/// La dirección de un socket: la suya (getsockname) o la del otro (getpeername). Ceros, si no tiene.
fn direccion(fd: c_int, preguntar: Preguntar) -> [u8; DIRECCION] {
    let antes = errno();
    let mut bytes = [0_u8; DIRECCION];
    let mut mide = socklen_t::try_from(DIRECCION).unwrap_or(0);
    // SAFETY: escribe a lo sumo lo que se le dice que hay.
    unsafe { preguntar(fd, bytes.as_mut_ptr().cast::<sockaddr>(), &raw mut mide) };
    poner_errno(antes);
    bytes
}

fn salir_con_bytes(registro: Option<Registro>, resultado: c_int, bytes: &[u8]) {
    let parte = iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: bytes.len() };
    salir(registro, en_ssize(resultado), Partes::de(&[parte], bytes.len()));
}

/// La dirección que dio el programa: se la lee después de la llamada, que ya dijo si se puede.
fn la_dada(resultado: c_int, dada: *const sockaddr, mide: socklen_t) -> [u8; DIRECCION] {
    let mut bytes = [0_u8; DIRECCION];
    let mide = usize::try_from(mide).unwrap_or(0).min(DIRECCION);
    if !dada.is_null() && (resultado == 0 || ![libc::EFAULT, libc::EBADF].contains(&errno())) {
        // SAFETY: el sistema la leyó, y `mide` no pasa de lo que hay en los dos lados.
        unsafe { ptr::copy_nonoverlapping(dada.cast::<u8>(), bytes.as_mut_ptr(), mide) };
    }
    bytes
}

// --- Lo que se interpone ------------------------------------------------------------------------------------------------

/// Una función de la biblioteca de C, con su nombre y su forma. Adentro, el primer nombre es ella misma.
macro_rules! interponer {
    ($(fn $nombre:ident[$esta:ident]($($argumento:ident: $tipo:ty),*) -> $sale:ty $cuerpo:block)*) => {
        $(
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $nombre($($argumento: $tipo),*) -> $sale {
                static DISTANCIA: AtomicUsize = AtomicUsize::new(0);
                let variable = 0_u8;
                let $esta = Funcion::nueva(&raw const variable, &DISTANCIA);
                $cuerpo
            }
        )*
    };
}

interponer! {
    fn socket[esta](familia: c_int, tipo: c_int, protocolo: c_int) -> c_int {
        let fd = llamar!(SOCKET, (familia, tipo, protocolo): (c_int, c_int, c_int) -> c_int);
        let de_tcp = [libc::AF_INET, libc::AF_INET6].contains(&familia) && tipo & 0xf == libc::SOCK_STREAM;
        if de_tcp && anillo::hay() {
            presentacion::anotar_descriptor(fd);
            let mut registro = Registro::nuevo(Que::Socket, SALE);
            registro.quienes = de_quienes(esta);
            salir_sin_mas(Some(registro), fd);
        }
        fd
    }

    fn bind[esta](fd: c_int, cual: *const sockaddr, mide: socklen_t) -> c_int {
        let registro = mirar(esta, Que::Bind, fd);
        let salio = llamar!(BIND, (fd, cual, mide): (c_int, *const sockaddr, socklen_t) -> c_int);
        if registro.is_some() {
            salir_con_bytes(registro, salio, &la_dada(salio, cual, mide));
        }
        salio
    }

    fn listen[esta](fd: c_int, cola: c_int) -> c_int {
        let registro = mirar(esta, Que::Listen, fd);
        let salio = llamar!(LISTEN, (fd, cola): (c_int, c_int) -> c_int);
        if registro.is_some() {
            salir_con_bytes(registro, salio, &direccion(fd, libc::getsockname));
        }
        salio
    }

    fn accept[esta](fd: c_int, cual: *mut sockaddr, mide: *mut socklen_t) -> c_int {
        let registro = entrar(esta, Que::Accept, 0, fd, [0; 2], ptr::null());
        let nuevo = llamar!(ACCEPT, (fd, cual, mide): (c_int, *mut sockaddr, *mut socklen_t) -> c_int);
        aceptado(registro, nuevo);
        nuevo
    }

    fn accept4[esta](fd: c_int, cual: *mut sockaddr, mide: *mut socklen_t, opciones: c_int) -> c_int {
        let registro = entrar(esta, Que::Accept, 0, fd, [0; 2], ptr::null());
        let nuevo =
            llamar!(ACCEPT4, (fd, cual, mide, opciones): (c_int, *mut sockaddr, *mut socklen_t, c_int) -> c_int);
        aceptado(registro, nuevo);
        nuevo
    }

    fn connect[esta](fd: c_int, cual: *const sockaddr, mide: socklen_t) -> c_int {
        let registro = entrar(esta, Que::Connect, 0, fd, [0; 2], ptr::null());
        let salio = llamar!(CONNECT, (fd, cual, mide): (c_int, *const sockaddr, socklen_t) -> c_int);
        if registro.is_some() {
            salir_con_dos(registro, salio, la_dada(salio, cual, mide), direccion(fd, libc::getsockname));
        }
        salio
    }

    fn send[esta](fd: c_int, datos: *const c_void, largo: size_t, opciones: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Send, 0, fd, pedido(largo, opciones), datos);
        let van = llamar!(SEND, (fd, datos, largo, opciones): (c_int, *const c_void, size_t, c_int) -> ssize_t);
        salir_con(registro, van, opciones, datos, largo);
        van
    }

    fn sendto[esta](fd: c_int, datos: *const c_void, largo: size_t, opciones: c_int, a: *const sockaddr, mide: socklen_t) -> ssize_t {
        let registro = entrar(esta, Que::Send, 1, fd, pedido(largo, opciones), datos);
        let van = llamar!(SENDTO, (fd, datos, largo, opciones, a, mide):
            (c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t);
        salir_con(registro, van, opciones, datos, largo);
        van
    }

    fn sendmsg[esta](fd: c_int, mensaje: *const msghdr, opciones: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Send, 2, fd, [SIN_SABER, i64::from(opciones)], ptr::null());
        let van = llamar!(SENDMSG, (fd, mensaje, opciones): (c_int, *const msghdr, c_int) -> ssize_t);
        salir_con_mensaje(registro, van, opciones, mensaje);
        van
    }

    fn write[esta](fd: c_int, datos: *const c_void, largo: size_t) -> ssize_t {
        let registro = entrar(esta, Que::Send, 3, fd, pedido(largo, 0), datos);
        let van = llamar!(WRITE, (fd, datos, largo): (c_int, *const c_void, size_t) -> ssize_t);
        salir_con(registro, van, 0, datos, largo);
        van
    }

    fn writev[esta](fd: c_int, partes: *const iovec, cuantas: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Send, 4, fd, [SIN_SABER, 0], ptr::null());
        let van = llamar!(WRITEV, (fd, partes, cuantas): (c_int, *const iovec, c_int) -> ssize_t);
        salir_con_varias(registro, van, 0, partes, usize::try_from(cuantas).unwrap_or(0));
        van
    }

    fn recv[esta](fd: c_int, datos: *mut c_void, largo: size_t, opciones: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 5, fd, pedido(largo, opciones), datos);
        let llegaron = llamar!(RECV, (fd, datos, largo, opciones): (c_int, *mut c_void, size_t, c_int) -> ssize_t);
        salir_con(registro, llegaron, opciones, datos, largo);
        llegaron
    }

    fn recvfrom[esta](fd: c_int, datos: *mut c_void, largo: size_t, opciones: c_int, de: *mut sockaddr, mide: *mut socklen_t) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 6, fd, pedido(largo, opciones), datos);
        let llegaron = llamar!(RECVFROM, (fd, datos, largo, opciones, de, mide):
            (c_int, *mut c_void, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t);
        salir_con(registro, llegaron, opciones, datos, largo);
        llegaron
    }

    fn recvmsg[esta](fd: c_int, mensaje: *mut msghdr, opciones: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 7, fd, [SIN_SABER, i64::from(opciones)], ptr::null());
        let llegaron = llamar!(RECVMSG, (fd, mensaje, opciones): (c_int, *mut msghdr, c_int) -> ssize_t);
        salir_con_mensaje(registro, llegaron, opciones, mensaje);
        llegaron
    }

    fn read[esta](fd: c_int, datos: *mut c_void, largo: size_t) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 8, fd, pedido(largo, 0), datos);
        let llegaron = llamar!(READ, (fd, datos, largo): (c_int, *mut c_void, size_t) -> ssize_t);
        salir_con(registro, llegaron, 0, datos, largo);
        llegaron
    }

    fn readv[esta](fd: c_int, partes: *const iovec, cuantas: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 9, fd, [SIN_SABER, 0], ptr::null());
        let llegaron = llamar!(READV, (fd, partes, cuantas): (c_int, *const iovec, c_int) -> ssize_t);
        salir_con_varias(registro, llegaron, 0, partes, usize::try_from(cuantas).unwrap_or(0));
        llegaron
    }

    // Con -D_FORTIFY_SOURCE, que Ubuntu pone sola, el compilador llama a éstas cuando sabe cuánto mide el destino.
    fn __recv_chk[esta](fd: c_int, datos: *mut c_void, largo: size_t, mide: size_t, opciones: c_int) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 5, fd, pedido(largo, opciones), datos);
        let llegaron = llamar!(RECV_CHK, (fd, datos, largo, mide, opciones):
            (c_int, *mut c_void, size_t, size_t, c_int) -> ssize_t);
        salir_con(registro, llegaron, opciones, datos, largo);
        llegaron
    }

    fn __recvfrom_chk[esta](fd: c_int, datos: *mut c_void, largo: size_t, hay: size_t, opciones: c_int, de: *mut sockaddr, mide: *mut socklen_t) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 6, fd, pedido(largo, opciones), datos);
        let llegaron = llamar!(RECVFROM_CHK, (fd, datos, largo, hay, opciones, de, mide):
            (c_int, *mut c_void, size_t, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t);
        salir_con(registro, llegaron, opciones, datos, largo);
        llegaron
    }

    fn __read_chk[esta](fd: c_int, datos: *mut c_void, largo: size_t, mide: size_t) -> ssize_t {
        let registro = entrar(esta, Que::Recv, 8, fd, pedido(largo, 0), datos);
        let llegaron = llamar!(READ_CHK, (fd, datos, largo, mide): (c_int, *mut c_void, size_t, size_t) -> ssize_t);
        salir_con(registro, llegaron, 0, datos, largo);
        llegaron
    }

    fn setsockopt[esta](fd: c_int, nivel: c_int, opcion: c_int, valor: *const c_void, mide: socklen_t) -> c_int {
        let mut registro = mirar(esta, Que::Setsockopt, fd);
        let salio = llamar!(SETSOCKOPT, (fd, nivel, opcion, valor, mide):
            (c_int, c_int, c_int, *const c_void, socklen_t) -> c_int);
        if let Some(registro) = &mut registro {
            let se_puede = salio == 0 && mide >= 4 && !valor.is_null();
            // SAFETY: el sistema leyó ahí al menos un int.
            let numero = if se_puede { unsafe { valor.cast::<c_int>().read_unaligned() } } else { 0 };
            registro.pedido = [nivel, opcion, numero].map(i64::from);
        }
        salir_sin_mas(registro, salio);
        salio
    }

    fn shutdown[esta](fd: c_int, como: c_int) -> c_int {
        let mut registro = mirar(esta, Que::Shutdown, fd);
        let salio = llamar!(SHUTDOWN, (fd, como): (c_int, c_int) -> c_int);
        if let Some(registro) = &mut registro {
            registro.pedido[0] = i64::from(como);
        }
        salir_sin_mas(registro, salio);
        salio
    }

    fn close[esta](fd: c_int) -> c_int {
        let registro = mirar(esta, Que::Close, fd).map(|mut registro| {
            (registro.pedido[0], registro.pedido[1]) = (i64::from(sin_leer(fd)), i64::from(estado(fd)));
            registro
        });
        // Antes de cerrarlo: apenas se cierra, otro hilo puede recibir el mismo número y contarlo.
        if let Some(registro) = registro {
            contar(registro, Partes::ninguna());
        }
        let salio = llamar!(CLOSE, (fd): (c_int) -> c_int);
        salir_sin_mas(registro, salio);
        salio
    }

    fn dup[esta](fd: c_int) -> c_int {
        let registro = mirar(esta, Que::Dup, fd);
        let nuevo = llamar!(DUP, (fd): (c_int) -> c_int);
        presentacion::anotar_descriptor(nuevo);
        salir_sin_mas(registro, nuevo);
        nuevo
    }

    fn dup2[esta](fd: c_int, en: c_int) -> c_int {
        let registro = mirar_dup2(esta, fd, en);
        let nuevo = llamar!(DUP2, (fd, en): (c_int, c_int) -> c_int);
        salir_sin_mas(registro, nuevo);
        nuevo
    }

    fn dup3[esta](fd: c_int, en: c_int, opciones: c_int) -> c_int {
        let registro = mirar_dup2(esta, fd, en);
        let nuevo = llamar!(DUP3, (fd, en, opciones): (c_int, c_int, c_int) -> c_int);
        salir_sin_mas(registro, nuevo);
        nuevo
    }

    fn fork[esta]() -> pid_t {
        let mut registro = Registro::nuevo(Que::Fork, ENTRA);
        let hilo = anillo::hilo();
        if anillo::hay() {
            registro.quienes = de_quienes(esta);
        }
        // Lo que el hijo hereda es lo que hay ahora: después, el padre sigue cerrando y abriendo.
        contar(registro, Partes::ninguna());
        let hijo = llamar!(FORK, (): () -> pid_t);
        if hijo == 0 {
            presentacion::soy_hijo(hilo);
        } else {
            salir_sin_mas(Some(registro), hijo);
        }
        hijo
    }
}

fn aceptado(registro: Option<Registro>, nuevo: c_int) {
    if registro.is_some() {
        presentacion::anotar_descriptor(nuevo);
        let (otro, propia) = (direccion(nuevo, libc::getpeername), direccion(nuevo, libc::getsockname));
        salir_con_dos(registro, nuevo, otro, propia);
    }
}

fn salir_con_dos(registro: Option<Registro>, resultado: c_int, una: [u8; DIRECCION], otra: [u8; DIRECCION]) {
    let parte =
        |bytes: &[u8; DIRECCION]| iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: DIRECCION };
    salir(registro, en_ssize(resultado), Partes::de(&[parte(&una), parte(&otra)], 2 * DIRECCION));
}

fn salir_con_mensaje(registro: Option<Registro>, resultado: ssize_t, opciones: c_int, mensaje: *const msghdr) {
    let (mut partes, mut cuantas) = (ptr::null_mut(), 0);
    if resultado >= 0 && registro.is_some() {
        // SAFETY: el sistema acaba de leerlo.
        let mensaje = unsafe { &*mensaje };
        (partes, cuantas) = (mensaje.msg_iov, mensaje.msg_iovlen);
    }
    salir_con_varias(registro, resultado, opciones, partes, cuantas);
}

/// Pone `fd` también en `en`, y cierra lo que ahí hubiera: importa si alguno de los dos es de TCP.
fn mirar_dup2(esta: Funcion, fd: c_int, en: c_int) -> Option<Registro> {
    if !anillo::hay() {
        return None;
    }
    let (clase, de_antes) = (que_es(fd), que_es(en));
    if clase != TCP && de_antes != TCP {
        return None;
    }
    presentacion::anotar_descriptor(en);
    let mut registro = Registro::nuevo(Que::Dup2, ENTRA);
    (registro.clase, registro.fd) = (clase, fd);
    registro.pedido = [i64::from(en), i64::from(de_antes), 0];
    registro.quienes = de_quienes(esta);
    Some(registro)
}
