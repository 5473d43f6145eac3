//! Un chat: muchos clientes a la vez, y lo que dice uno les llega a los demás. Enseña `Servidor::atender` (un hilo por
//! cliente), a guardar los emisores para enviar desde cualquier hilo, `difundir`, y a separar una conexión en dos mitades.
//!
//! `cargo run --example chat -- servidor [IP PUERTO]` y `cargo run --example chat -- NOMBRE [IP PUERTO]`. Cualquiera de los dos
//! habla también con su par de `c_examples/`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "un ejemplo le habla a quien lo corre")]

use std::env;
use std::io;
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use tp0::{Conexion, Emisor, Paquete, Receptor, Recibido, Resultado, Servidor, difundir};

// Lo que se dicen. El cliente, mensajes: primero su nombre y después una línea en cada uno. El servidor, paquetes de dos
// textos: quién habla («*» es él) y qué dice.

/// Envía a varios. Con `difundir`, aunque sea a uno: el que no lee se lo pierde, pero no demora a nadie.
fn enviar(a: &[Emisor], quien: &str, que: &str) -> Resultado<()> {
    let fallaron = difundir(a, Paquete::nuevo().agregar_texto(quien)?.agregar_texto(que)?);
    fallaron.iter().for_each(|(_, error)| println!("A uno no le llegó: {error}"));
    Ok(())
}

/// Los que están: el nombre de cada uno, y por dónde hablarle.
#[derive(Default)]
struct Sala {
    conectados: Mutex<Vec<(String, Emisor)>>,
}

impl Sala {
    fn conectados(&self) -> MutexGuard<'_, Vec<(String, Emisor)>> {
        self.conectados.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Los emisores de los que cumplen. Se copian para enviar ya sin el mutex: un emisor mantiene abierto su socket, así que
    /// aunque su dueño se vaya, lo peor que puede pasar es que el envío falle.
    fn emisores(&self, cuales: impl Fn(&str) -> bool) -> Vec<Emisor> {
        self.conectados().iter().filter(|(nombre, _)| cuales(nombre)).map(|(_, emisor)| emisor.clone()).collect()
    }

    fn quienes_estan(&self) -> String {
        let nombres: Vec<String> = self.conectados().iter().map(|(nombre, _)| nombre.clone()).collect();
        format!("Están: {}", nombres.join(", "))
    }

    /// Buscar y agregar, con el mutex tomado una sola vez: en el medio podría entrar un tocayo.
    fn entrar(&self, nombre: &str, emisor: &Emisor) -> bool {
        let mut conectados = self.conectados();
        let sirve = !nombre.is_empty() && !nombre.contains(' ') && conectados.iter().all(|(otro, _)| otro != nombre);
        if sirve {
            conectados.push((nombre.to_owned(), emisor.clone()));
        }
        sirve
    }

    /// Lo corre un hilo por cada cliente, que es el dueño de su conexión.
    fn atender(&self, mut cliente: Conexion) -> Resultado<()> {
        let emisor = cliente.emisor();
        let Some(Recibido::Mensaje(nombre)) = cliente.recibir()? else { return Ok(()) };
        let nombre = nombre.to_owned();
        if !self.entrar(&nombre, &emisor) {
            return enviar(&[emisor], "*", "Ese nombre no sirve, o ya está: probá con otro.");
        }
        println!("Entró {nombre}.");
        let salida = self.conversar(&nombre, &mut cliente);
        self.conectados().retain(|(otro, _)| *otro != nombre);
        println!("Se fue {nombre}.");
        enviar(&self.emisores(|_| true), "*", &format!("{nombre} se fue."))?;
        salida
    }

    fn conversar(&self, nombre: &str, cliente: &mut Conexion) -> Resultado<()> {
        let yo = [cliente.emisor()];
        enviar(&self.emisores(|otro| otro != nombre), "*", &format!("{nombre} entró."))?;
        enviar(&yo, "*", &self.quienes_estan())?;
        while let Some(Recibido::Mensaje(linea)) = cliente.recibir()? {
            let mut palabras = linea.splitn(3, ' ');
            match (palabras.next(), palabras.next(), palabras.next()) {
                (Some("/chau"), ..) => break,
                (Some("/quienes"), ..) => enviar(&yo, "*", &self.quienes_estan())?,
                (Some("/a"), Some(destino), que) => match self.emisores(|otro| otro == destino) {
                    nadie if nadie.is_empty() => enviar(&yo, "*", "No está.")?,
                    uno => enviar(&uno, &format!("{nombre} (sólo a vos)"), que.unwrap_or_default())?,
                },
                _ if linea.starts_with('/') => {
                    enviar(&yo, "*", "Los comandos son /quienes, /a NOMBRE TEXTO y /chau.")?;
                }
                _ => enviar(&self.emisores(|otro| otro != nombre), nombre, linea)?,
            }
        }
        Ok(())
    }
}

fn ser_servidor(ip: &str, puerto: &str) -> Resultado<()> {
    let servidor = Servidor::iniciar(ip, puerto)?;
    println!("Escucho en el puerto {}.", servidor.puerto()?);
    let sala = Sala::default();
    // La sala pasa a ser de la función, que comparten todos los hilos. Uno que falla no molesta a los demás.
    servidor.atender_avisando(move |cliente| sala.atender(cliente), |_, error| println!("Perdí a un cliente: {error}"))
}

/// Muestra lo próximo que diga el servidor. Devuelve si la charla sigue.
fn mostrar(receptor: &mut Receptor) -> Resultado<bool> {
    let recibido = receptor.recibir()?;
    if let Some(Recibido::Paquete(paquete)) = &recibido {
        if let [quien, que] = paquete.textos().collect::<Resultado<Vec<_>>>()?.as_slice() {
            println!("{quien}: {que}");
        }
    }
    Ok(recibido.is_some())
}

fn ser_cliente(nombre: &str, ip: &str, puerto: &str) -> Resultado<()> {
    // Una mitad recibe en este hilo; con la otra, otro hilo manda lo que se escribe.
    let (mut receptor, emisor) = Conexion::conectar(ip, puerto)?.separar();
    emisor.enviar_mensaje(nombre)?;
    let mut sigue = mostrar(&mut receptor)?; // quiénes están, o por qué no nos deja entrar
    thread::spawn(move || {
        let lineas = io::stdin().lines().map_while(Result::ok).filter(|linea| !linea.is_empty());
        // Con Ctrl-D, la despedida. Si algo falla, el que recibe se entera también.
        lineas.chain(["/chau".to_owned()]).try_for_each(|linea| emisor.enviar_mensaje(&linea))
    });
    while sigue {
        sigue = mostrar(&mut receptor)?;
    }
    println!("Se terminó.");
    Ok(())
}

fn main() -> ExitCode {
    let argumentos: Vec<String> = env::args().skip(1).collect();
    let argumentos: Vec<&str> = argumentos.iter().map(String::as_str).collect();
    let salida = match *argumentos.as_slice() {
        ["servidor"] => ser_servidor("127.0.0.1", "4444"),
        ["servidor", ip, puerto] => ser_servidor(ip, puerto),
        [nombre] => ser_cliente(nombre, "127.0.0.1", "4444"),
        [nombre, ip, puerto] => ser_cliente(nombre, ip, puerto),
        _ => {
            eprintln!("Uso: chat servidor [IP PUERTO]\n     chat NOMBRE [IP PUERTO]");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = salida {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
