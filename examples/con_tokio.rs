//! Un cliente con tokio: los bytes los mueve él, y qué dicen lo sabe esta biblioteca, con sus piezas que no tocan ningún socket.
//! Enseña el protocolo entero, handshake incluido: `HANDSHAKE`, `Enviable::a_bytes`, `Header` y `Recibido::de`.
//!
//! `cargo run --example con_tokio -- TEXTO [IP:PUERTO]`. Contesta `eco.rs`.

#![allow(clippy::print_stdout, reason = "un ejemplo le habla a quien lo corre")]

use std::{env, io};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tp0::{Enviable, HANDSHAKE, HANDSHAKE_OK, Header, LARGO_DE_HEADER, Recibido, TAMANIO_MAXIMO};

async fn conversar(texto: &str, direccion: &str) -> io::Result<()> {
    let mut socket = TcpStream::connect(direccion).await?;
    socket.write_all(&HANDSHAKE.to_le_bytes()).await?;
    if socket.read_i32_le().await? != HANDSHAKE_OK {
        return Err(io::Error::other("el servidor rechazó el handshake"));
    }
    socket.write_all(&texto.a_bytes(TAMANIO_MAXIMO)?).await?;

    let mut header = [0; LARGO_DE_HEADER];
    socket.read_exact(&mut header).await?;
    let header = Header::de_bytes(header, TAMANIO_MAXIMO)?;
    let mut payload = vec![0; header.tamanio() as usize];
    socket.read_exact(&mut payload).await?;
    match Recibido::de(header.codigo(), &payload)? {
        Recibido::Mensaje(respuesta) => println!("Contestó: {respuesta}"),
        otro => println!("Contestó otra cosa: {otro:?}"),
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let texto = env::args().nth(1).unwrap_or("hola".to_owned());
    let direccion = env::args().nth(2).unwrap_or("127.0.0.1:4444".to_owned());
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(conversar(&texto, &direccion))
}
