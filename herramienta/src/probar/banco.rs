//! El banco de pruebas de un caso: arranca el programa, le habla anotando lo que le dice, y mira cómo quedó.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use crate::descripcion::{Descripcion, Perfil};
use crate::probar::caso::{Consejo, Paso, Resultado, Veredicto};
use crate::probar::memcheck;
use crate::probar::par::{Cierre, Leido, Par};
use crate::sistema::aislar::Aislamiento;
use crate::sistema::proc;
use crate::sistema::programa::{Arranque, Exceso, Fin, Programa, Reposo, Seguido};

/// Más que esto no lo pide nadie por un mensaje del TP0.
const MUCHA_MEMORIA: u64 = 512 << 20;

/// Por qué un programa llega a tener miles de hilos.
const HILOS_SIN_FIN: Consejo = Consejo {
    causa: "se crea un hilo atrás de otro, sin que haya a quién atender",
    cambiar: "creá el hilo después de accept, y sólo si no devolvió -1",
};

/// Por qué un cliente deja al programa sin atender a los que siguen.
const NO_SIGUE: Consejo = Consejo {
    causa: "lo que hizo este cliente dejó trabado al que acepta, o un mutex tomado",
    cambiar: "por cualquier salida de un hilo: soltá sus mutex y cerrá su socket; y que el que acepta no espere a ninguno",
};

/// Lo que es igual para todos los casos.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) descripcion: Descripcion,
    /// El handshake que tiene, ya averiguado; `None`, no tiene.
    pub(crate) handshake: Option<i32>,
    pub(crate) arranque: Arranque,
    pub(crate) aislamiento: Aislamiento,
    /// La carpeta para lo que diga memcheck.
    pub(crate) memcheck: Option<PathBuf>,
    /// Cuántos mensajes manda el cliente cuando todo va bien; `None`, lo que manda no se entiende.
    pub(crate) mensajes_del_cliente: Option<usize>,
}

/// El de un caso.
#[derive(Debug)]
pub(crate) struct Banco<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) numero: &'static str,
    pub(crate) enviado: Vec<String>,
    pub(crate) observaciones: Vec<String>,
    pub(crate) salida: Vec<String>,
    textos: usize,
    corridas: usize,
}

impl<'a> Banco<'a> {
    pub(crate) fn nuevo(plan: &'a Plan, numero: &'static str) -> Self {
        Self {
            plan,
            numero,
            enviado: Vec::new(),
            observaciones: Vec::new(),
            salida: Vec::new(),
            textos: 0,
            corridas: 0,
        }
    }

    pub(crate) fn espera(&self) -> Duration {
        self.plan.descripcion.espera * if self.plan.memcheck.is_some() { 5 } else { 1 }
    }

    pub(crate) fn es_tp(&self) -> bool {
        self.plan.descripcion.perfil == Perfil::Tp
    }

    /// Un texto que nadie más dice: si aparece, es que llegó.
    pub(crate) fn texto(&mut self) -> String {
        self.textos += 1;
        format!("tp0-{}-{:x}-{}", self.numero, std::process::id(), self.textos)
    }

    pub(crate) fn anotar(&mut self, palabras: &str, bytes: &[u8]) {
        self.enviado.push(format!("{palabras}: {}", en_hexa(bytes)));
    }

    pub(crate) fn observar(&mut self, que: impl Into<String>) {
        self.observaciones.push(que.into());
    }

    /// Arranca el programa.
    pub(crate) fn programa(&mut self, al_final: bool) -> Paso<Programa> {
        self.corridas += 1;
        let mut arranque = self.plan.arranque.clone();
        let nombre = format!("{}-{}", self.numero, self.corridas);
        arranque.memcheck = self.plan.memcheck.as_ref().map(|carpeta| carpeta.join(&nombre));
        arranque.seguido = if al_final { Seguido::AlFinal } else { Seguido::No };
        Programa::arrancar(&arranque, &nombre).map_err(|falla| Box::new(Veredicto::no_se_probo(falla.to_string())))
    }

    /// El programa, ya escuchando.
    pub(crate) fn servidor(&mut self) -> Paso<Programa> {
        let puerto = self.plan.descripcion.puerto;
        if self.plan.aislamiento == Aislamiento::Ninguno && !crate::probar::par::sacar_del_reposo(puerto) {
            return Err(Box::new(Veredicto::no_se_probo(format!(
                "el puerto {puerto} quedó en reposo de otra corrida"
            ))));
        }
        let mut programa = self.programa(false)?;
        // Ya se lo vio escuchar: si ahora tarda más, es que la máquina está ocupada.
        if self.esperar_que_escuche(&mut programa, self.espera() * 5) {
            return Ok(programa);
        }
        let por_que = match programa.fin() {
            Some(Fin::Senial(senial)) => return Err(Box::new(Veredicto::senial(senial, ", antes de escuchar"))),
            Some(Fin::Codigo(codigo)) => format!("esta vez terminó con {codigo} antes de escuchar"),
            None => format!("esta vez no escuchó en el puerto {puerto} a tiempo"),
        };
        self.guardar(&mut programa);
        Err(Box::new(Veredicto::no_se_probo(por_que)))
    }

    /// Si llegó a escuchar en su puerto.
    pub(crate) fn esperar_que_escuche(&self, programa: &mut Programa, plazo: Duration) -> bool {
        let puerto = self.plan.descripcion.puerto;
        let escucha = |programa: &mut Programa| proc::puertos(&programa.familia()).contains(&puerto).then_some(());
        programa.hasta_que(plazo, escucha).is_some()
    }

    /// Guarda lo que mostró, para contarlo.
    pub(crate) fn guardar(&mut self, programa: &mut Programa) {
        self.salida = programa.renglones();
        let mostrados = programa.bytes_mostrados();
        if mostrados > 100 << 20 {
            self.observar(format!("mostró {} MiB", mostrados >> 20));
        }
    }

    pub(crate) fn conectar(&mut self) -> Paso<Par> {
        let puerto = self.plan.descripcion.puerto;
        Par::conectar(puerto, self.espera()).map_err(|causa| {
            Box::new(Veredicto::pierde(match causa.kind() {
                std::io::ErrorKind::ConnectionRefused => format!("ya no escucha en el puerto {puerto}"),
                _ => format!("escucha y no se le puede conectar: {}", crate::falla::en_castellano(&causa)),
            }))
        })
    }

    /// Un cliente que ya pasó el handshake.
    pub(crate) fn cliente(&mut self) -> Paso<Par> {
        let mut par = self.conectar()?;
        self.saludar(&mut par)?;
        Ok(par)
    }

    pub(crate) fn bytes_del_handshake(&self, valor: i32) -> Vec<u8> {
        let sin_signo = u64::from(u32::from_ne_bytes(valor.to_ne_bytes()));
        self.plan.descripcion.cable.entero(crate::cable::Ancho::U32, sin_signo)
    }

    /// El del programa; nada, si no tiene.
    pub(crate) fn handshake_esperado(&self) -> Vec<u8> {
        self.plan.handshake.map_or_else(Vec::new, |valor| self.bytes_del_handshake(valor))
    }

    pub(crate) fn saludar(&mut self, par: &mut Par) -> Paso<()> {
        let Some(valor) = self.plan.handshake else { return Ok(()) };
        let bytes = self.bytes_del_handshake(valor);
        self.anotar(&format!("handshake {valor}"), &bytes);
        par.mandar(&bytes);
        let que = match par.leer(4) {
            Leido::Todo(respuesta) if respuesta == [0; 4] => return Ok(()),
            Leido::Todo(respuesta) => format!("al handshake {valor} contestó {}", en_hexa(&respuesta)),
            Leido::Cerro(_) => "cerró sin contestar el handshake".to_owned(),
            Leido::Nada(_) => "no contestó el handshake".to_owned(),
        };
        Err(Box::new(Veredicto::sin_saludo(que)))
    }

    /// Un veredicto que se cortó por la mitad puede ser que el programa se haya caído.
    pub(crate) fn o_se_cayo<T>(&mut self, programa: &mut Programa, paso: Paso<T>) -> Paso<T> {
        let Err(veredicto) = paso else { return paso };
        let reposo = programa.reposar();
        Err(self.juzgar(programa, reposo).map_or(veredicto, Box::new))
    }

    /// Qué tiene de malo cómo quedó, si algo.
    pub(crate) fn juzgar(&mut self, programa: &mut Programa, reposo: Reposo) -> Option<Veredicto> {
        self.guardar(programa);
        let en_mib = |bytes: u64| format!("pidió {} MiB", bytes >> 20);
        match programa.exceso() {
            Some(Exceso::Memoria(bytes)) => return Some(Veredicto::nuevo(Resultado::Memoria, en_mib(bytes))),
            Some(Exceso::Hilos(hilos)) => {
                return Some(Veredicto::nuevo(Resultado::Gira, format!("llegó a {hilos} hilos")).con(HILOS_SIN_FIN));
            }
            None => {}
        }
        if let Some(Fin::Senial(senial)) = programa.fin() {
            return Some(Veredicto::senial(senial, ""));
        }
        // memcheck reserva lo suyo de a mucho.
        if self.plan.memcheck.is_none() && programa.memoria_pedida() > MUCHA_MEMORIA {
            return Some(Veredicto::nuevo(Resultado::Memoria, en_mib(programa.memoria_pedida())));
        }
        if reposo == Reposo::Gira && self.con_errores_de_memcheck() {
            return Some(Veredicto::no_se_probo(
                "memcheck ya dio errores, y tarda tanto que no se sabe cómo termina: sin --valgrind se ve",
            ));
        }
        if reposo == Reposo::Gira {
            return Some(Veredicto::nuevo(Resultado::Gira, self.como_gira(programa)));
        }
        None
    }

    /// A memcheck cada error le cuesta, y una copia de 2 GiB pasada del final da millones.
    fn con_errores_de_memcheck(&self) -> bool {
        self.plan.memcheck.as_ref().is_some_and(|carpeta| !memcheck::errores(carpeta, self.numero).is_empty())
    }

    /// Cuánto usó, y si mostraba mientras tanto.
    fn como_gira(&self, programa: &Programa) -> String {
        let cuanto = if self.plan.memcheck.is_some() { "20 segundos" } else { "un segundo" };
        let mostrado = match programa.bytes_mostrados() >> 20 {
            0..4 => String::new(),
            mib => format!(", y mostró {mib} MiB"),
        };
        format!("quemó un procesador por {cuanto}{mostrado}")
    }

    /// Reposa y juzga; y un módulo de un TP, además, tiene que seguir ahí.
    pub(crate) fn como_quedo(&mut self, programa: &mut Programa) -> Paso<()> {
        let reposo = programa.reposar();
        if let Some(veredicto) = self.juzgar(programa, reposo) {
            return Err(Box::new(veredicto));
        }
        match programa.fin() {
            Some(Fin::Codigo(codigo)) if self.es_tp() => Err(Box::new(Veredicto::termino(codigo))),
            _ => Ok(()),
        }
    }

    /// En el perfil tp: el cliente que sigue se atiende.
    pub(crate) fn atiende_al_que_sigue(&mut self, programa: &mut Programa) -> Paso<()> {
        if !self.es_tp() {
            return Ok(());
        }
        let cliente = self.cliente().map_err(|mut veredicto| {
            veredicto.detalle = format!("con el cliente que siguió: {}", veredicto.detalle);
            veredicto
        });
        let atendido = self.o_se_cayo(programa, cliente).and_then(|mut otro| {
            let texto = self.texto();
            self.mandar_texto(&mut otro, &texto);
            self.exigir(programa, &texto, "lo del cliente que siguió")?;
            otro.cerrar(Cierre::Orden);
            Ok(())
        });
        atendido.map_err(|veredicto| {
            let perdido = veredicto.resultado == Resultado::Pierde;
            if perdido { Box::new(Veredicto { por_no_seguir: true, ..*veredicto }.con(NO_SIGUE)) } else { veredicto }
        })
    }

    pub(crate) fn mandar_texto(&mut self, par: &mut Par, texto: &str) {
        let bytes = self.plan.descripcion.cable.texto(texto);
        self.anotar(&format!("mensaje «{}»", recortado(texto)), &bytes);
        par.mandar(&bytes);
    }

    /// El texto se tiene que ver, en lo que se espera.
    pub(crate) fn exigir(&mut self, programa: &mut Programa, texto: &str, que: &str) -> Paso<()> {
        if self.se_vio(programa, texto) {
            return Ok(());
        }
        let reposo = programa.reposar();
        if let Some(veredicto) = self.juzgar(programa, reposo) {
            return Err(Box::new(veredicto));
        }
        if let (Some(Fin::Codigo(codigo)), true) = (programa.fin(), self.es_tp()) {
            return Err(Box::new(Veredicto::termino(codigo)));
        }
        Err(Box::new(Veredicto::no_mostro(que)))
    }

    pub(crate) fn se_vio(&self, programa: &mut Programa, texto: &str) -> bool {
        // En una máquina ocupada puede no haber llegado a hacerlo: se mira de nuevo cuando está quieto.
        programa.hasta_que(self.espera(), |programa| programa.mostro(texto).then_some(())).is_some()
            || programa.reposar() != Reposo::Gira && programa.mostro(texto)
    }
}

/// Los primeros bytes, y cuántos son.
pub(crate) fn en_hexa(bytes: &[u8]) -> String {
    const SE_VEN: usize = 24;
    let mut texto = String::new();
    for byte in bytes.iter().take(SE_VEN) {
        let _ = write!(texto, "{byte:02x} ");
    }
    let puntos = if bytes.len() > SE_VEN { "... " } else { "" };
    format!("{texto}{puntos}({})", crate::cable::en_bytes(bytes.len()))
}

fn recortado(texto: &str) -> String {
    if texto.chars().count() <= 40 { texto.to_owned() } else { texto.chars().take(40).chain("...".chars()).collect() }
}
