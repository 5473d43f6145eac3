//! El texto de un error para quien programa en C: los que nombran una función, o dicen qué liberar, nombran las suyas.

use std::fmt;

use crate::error::{ES_LA_ENTRADA, Error, Ocupante};

/// Un error, contado para C.
pub(super) struct EnC<'a>(pub(super) &'a Error);

impl fmt::Display for EnC<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Error::SinDescriptores { limite } => write!(
                f,
                "No quedan descriptores ({limite} es el límite de este proceso, «ulimit -n»). ¿Llamaste a liberar_conexion por cada conexión?"
            ),
            Error::LargoMentiroso { largo, quedan } => write!(
                f,
                "El paquete no cierra: un valor dice medir {largo} bytes y quedan {quedan}. ¿El otro lado lo armó con agregar_a_paquete?"
            ),
            Error::SobranBytes { sobran } => write!(
                f,
                "El paquete no cierra: al final sobran {sobran} bytes y un valor empieza con 4. ¿El otro lado lo armó con agregar_a_paquete?"
            ),
            Error::OtroCodigo { esperado, codigo } => write!(
                f,
                "Se esperaba un mensaje con código de operación {esperado} y llegó uno con código {codigo}: se lo descartó. Si puede llegar cualquiera, recibilo con tp0_recibir."
            ),
            Error::Fin => {
                f.write_str("El otro lado terminó la conversación (normal): salí del while y liberá la conexión.")
            }
            Error::ParIdo => f.write_str("El otro lado ya cerró la conexión: no se le puede enviar más. Liberala."),
            Error::Liberado => f.write_str("Otro hilo liberó este servidor: ya no espera clientes."),
            Error::NoEscucha { descriptor } => write!(
                f,
                "{descriptor} no es un socket que escucha: pasale a esperar_cliente lo que devolvió iniciar_servidor."
            ),
            Error::Descriptor { descriptor, motivo: ES_LA_ENTRADA } => write!(
                f,
                "{descriptor} no es una conexión abierta: es la entrada del programa. ¿Quedó la variable en 0, sin el resultado de crear_conexion?"
            ),
            Error::PuertoEnUso { direccion, ocupante: Some(Ocupante::Proceso { pid, .. }) }
                if *pid == std::process::id() =>
            {
                write!(
                    f,
                    "El puerto {} ya está en uso: lo tiene este mismo proceso ({pid}). ¿Llamaste dos veces a iniciar_servidor? Liberá el primero, o elegí otro puerto.",
                    direccion.port()
                )
            }
            otro => write!(f, "{otro}"),
        }
    }
}
