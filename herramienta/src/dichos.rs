//! Lo que una persona escribe para que se mande: `mensaje TEXTO`, `paquete VALOR...`, `codigo N CAMPO...`, y los bytes que son.

use crate::cable::{Ancho, Cable, con_fin, en_bytes, en_u64};
use crate::falla::{Falla, Resultado};

/// Cómo se escribe, para la ayuda.
pub(crate) const COMO: &str = "\
Qué se manda:
  mensaje TEXTO          un texto
  paquete VALOR...       un paquete; cada valor es un texto, o algo de lo de abajo
  codigo N CAMPO...      un código cualquiera, y su payload campo por campo

Valores y campos:
  u8:5 u16:5 u32:5 u64:5 i8:-1 i16:-1 i32:-1 i64:-1    enteros
  double:1.5 float:1.5 bool:true                       lo que dicen
  str:hola     un texto; en un código, con su largo adelante
  hex:01ff     esos bytes

Los renglones de la entrada se escriben igual, con comillas donde un valor lleve espacios. El que no empieza con mensaje, paquete ni codigo
se manda entero como un mensaje.";

/// Lo que encabeza cada cosa.
const ENCABEZADOS: [&str; 3] = ["mensaje", "paquete", "codigo"];

/// Los mensajes que dicen las palabras, cada uno ya en bytes.
pub(crate) fn leer(palabras: &[String], cable: &Cable) -> Resultado<Vec<Vec<u8>>> {
    let mut mensajes = Vec::new();
    let mut resto = palabras;
    while let Some((encabezado, siguen)) = resto.split_first() {
        // El texto de un mensaje puede ser una de esas palabras; un valor, sólo con str: adelante.
        let propias = match encabezado.as_str() {
            "mensaje" => siguen.len().min(1),
            _ => siguen.iter().position(|una| ENCABEZADOS.contains(&una.as_str())).unwrap_or(siguen.len()),
        };
        let (propias, siguientes) = siguen.split_at(propias);
        mensajes.push(uno(encabezado, propias, cable)?);
        resto = siguientes;
    }
    Ok(mensajes)
}

/// El mensaje que dice un renglón de la entrada. `None`: está vacío.
pub(crate) fn leer_renglon(renglon: &str, cable: &Cable) -> Resultado<Option<Vec<u8>>> {
    let renglon = renglon.strip_suffix('\r').unwrap_or(renglon);
    if renglon.is_empty() {
        return Ok(None);
    }
    let (encabezado, resto) = renglon.split_once(' ').unwrap_or((renglon, ""));
    let mensaje = match encabezado {
        "mensaje" => uno(encabezado, &[resto.to_owned()], cable),
        "paquete" | "codigo" => uno(encabezado, &separar(resto)?, cable),
        _ => uno("mensaje", &[renglon.to_owned()], cable),
    };
    mensaje.map(Some)
}

/// Las palabras de un renglón: entre comillas puede haber espacios.
fn separar(renglon: &str) -> Resultado<Vec<String>> {
    let mut palabras = Vec::new();
    let (mut palabra, mut empezada, mut entre_comillas) = (String::new(), false, false);
    for letra in renglon.chars() {
        match letra {
            '"' => {
                entre_comillas = !entre_comillas;
                empezada = true;
            }
            ' ' | '\t' if !entre_comillas => {
                if std::mem::take(&mut empezada) {
                    palabras.push(std::mem::take(&mut palabra));
                }
            }
            otra => {
                palabra.push(otra);
                empezada = true;
            }
        }
    }
    if entre_comillas {
        return Err(Falla::nueva(format!("En «{renglon}» hay una comilla que no se cierra.")));
    }
    if empezada {
        palabras.push(palabra);
    }
    Ok(palabras)
}

fn uno(encabezado: &str, palabras: &[String], cable: &Cable) -> Resultado<Vec<u8>> {
    match (encabezado, palabras) {
        ("mensaje", [texto]) => armar(cable, cable.mensaje, &con_fin(texto)),
        ("mensaje", _) => Err(Falla::nueva("A «mensaje» le falta su texto.")),
        ("paquete", valores) => {
            let valores = valores.iter().map(|valor| valor_de_paquete(valor, cable)).collect::<Resultado<Vec<_>>>()?;
            let prestados: Vec<&[u8]> = valores.iter().map(Vec::as_slice).collect();
            if let Some(largo) = valores.iter().find(|valor| en_u64(valor.len()) > cable.largo.tope()) {
                return Err(no_entra("Un valor", largo.len(), "largo", cable.largo));
            }
            armar(cable, cable.paquete, &cable.valores(&prestados))
        }
        ("codigo", [numero, campos @ ..]) => {
            let codigo = entero(cable.codigo, numero).ok_or_else(|| {
                Falla::nueva(format!("«{numero}» no es un código de {}.", en_bytes(cable.codigo.bytes())))
            })?;
            let campos = campos.iter().map(|campo| campo_de_codigo(campo, cable)).collect::<Resultado<Vec<_>>>()?;
            armar(cable, codigo, &campos.concat())
        }
        ("codigo", []) => Err(Falla::nueva("A «codigo» le falta su número.")),
        (otra, _) => {
            Err(Falla::nueva(format!("No sé mandar «{otra}»: puede ser mensaje, paquete o codigo. Probá con --ayuda.")))
        }
    }
}

fn armar(cable: &Cable, codigo: u64, payload: &[u8]) -> Resultado<Vec<u8>> {
    if en_u64(payload.len()) > cable.tamanio.tope() {
        return Err(no_entra("El payload", payload.len(), "tamaño", cable.tamanio));
    }
    Ok(cable.con_payload(codigo, payload))
}

fn no_entra(que: &str, mide: usize, donde: &str, ancho: Ancho) -> Falla {
    let (mide, ancho, tope) = (en_bytes(mide), en_bytes(ancho.bytes()), ancho.tope());
    Falla::nueva(format!("{que} mide {mide}, y en este cable el {donde} viaja en {ancho} (hasta {tope})."))
}

fn valor_de_paquete(texto: &str, cable: &Cable) -> Resultado<Vec<u8>> {
    match texto.split_once(':') {
        Some(("str", resto)) => Ok(con_fin(resto)),
        Some((tipo, resto)) if es_tipo(tipo) => suelto(tipo, resto, cable),
        _ => Ok(con_fin(texto)),
    }
}

fn campo_de_codigo(texto: &str, cable: &Cable) -> Resultado<Vec<u8>> {
    match texto.split_once(':') {
        Some(("str", resto)) => {
            let bytes = con_fin(resto);
            if en_u64(bytes.len()) > cable.largo.tope() {
                return Err(no_entra("Un texto", bytes.len(), "largo", cable.largo));
            }
            Ok(cable.valores(&[&bytes]))
        }
        Some((tipo, resto)) if es_tipo(tipo) => suelto(tipo, resto, cable),
        _ => Err(Falla::nueva(format!("«{texto}» no dice de qué tipo es: u32:5, i64:-1, str:hola, hex:01ff..."))),
    }
}

fn ancho_de(tipo: &str) -> Option<Ancho> {
    match tipo.get(1..)? {
        "8" => Some(Ancho::U8),
        "16" => Some(Ancho::U16),
        "32" => Some(Ancho::U32),
        "64" => Some(Ancho::U64),
        _ => None,
    }
}

fn es_tipo(tipo: &str) -> bool {
    matches!(tipo, "double" | "float" | "bool" | "hex") || (tipo.starts_with(['u', 'i']) && ancho_de(tipo).is_some())
}

fn suelto(tipo: &str, texto: &str, cable: &Cable) -> Resultado<Vec<u8>> {
    let bytes = match (tipo, ancho_de(tipo)) {
        ("double", _) => texto.parse::<f64>().ok().map(|valor| cable.entero(Ancho::U64, valor.to_bits())),
        ("float", _) => texto.parse::<f32>().ok().map(|valor| cable.entero(Ancho::U32, u64::from(valor.to_bits()))),
        ("bool", _) => texto.parse::<bool>().ok().map(|valor| vec![u8::from(valor)]),
        ("hex", _) => de_hexa(texto),
        (tipo, Some(ancho)) if tipo.starts_with('u') => {
            texto.parse::<u64>().ok().filter(|valor| *valor <= ancho.tope()).map(|valor| cable.entero(ancho, valor))
        }
        (_, Some(ancho)) => con_signo(ancho, texto).map(|valor| cable.entero(ancho, valor)),
        _ => None,
    };
    bytes.ok_or_else(|| Falla::nueva(format!("«{texto}» no es un {tipo}.")))
}

/// Un entero del cable, escrito con signo o sin él.
pub(crate) fn entero(ancho: Ancho, texto: &str) -> Option<u64> {
    texto.parse().ok().filter(|valor| *valor <= ancho.tope()).or_else(|| con_signo(ancho, texto))
}

/// Los bits de un entero con signo, si entra en su ancho.
fn con_signo(ancho: Ancho, texto: &str) -> Option<u64> {
    let valor: i64 = texto.parse().ok()?;
    let mitad = i64::try_from(ancho.tope() / 2).unwrap_or(i64::MAX);
    (-mitad - 1..=mitad).contains(&valor).then_some(u64::from_ne_bytes(valor.to_ne_bytes()))
}

fn de_hexa(texto: &str) -> Option<Vec<u8>> {
    let cifras: Vec<u8> = texto
        .bytes()
        .map(|cifra| char::from(cifra).to_digit(16))
        .map(|d| u8::try_from(d?).ok())
        .collect::<Option<_>>()?;
    let pares = cifras.chunks_exact(2);
    pares.remainder().is_empty().then(|| pares.map(|par| par.iter().fold(0, |byte, cifra| byte << 4 | cifra)).collect())
}

#[cfg(test)]
mod pruebas {
    use super::*;

    fn palabras(texto: &str) -> Vec<String> {
        texto.split(' ').map(str::to_owned).collect()
    }

    fn queja(texto: &str, cable: &Cable) -> String {
        leer(&palabras(texto), cable).unwrap_err().to_string()
    }

    #[test]
    fn en_el_orden_en_que_se_escriben() {
        let cable = Cable::default();
        let mandados =
            leer(&palabras("mensaje paquete paquete uno u8:5 str:codigo codigo 7 u32:5 str:hola i64:-1"), &cable);
        let campos = [&[5, 0, 0, 0, 5, 0, 0, 0][..], b"hola\0", &[255; 8]].concat();
        assert_eq!(
            mandados.unwrap(),
            [
                cable.texto("paquete"),
                cable.con_payload(1, &cable.valores(&[b"uno\0", &[5], b"codigo\0"])),
                cable.con_payload(7, &campos),
            ]
        );
    }

    #[test]
    fn un_renglon_lleva_comillas_y_lo_demas_es_un_mensaje() {
        let cable = Cable::default();
        let leido = |renglon| leer_renglon(renglon, &cable).unwrap();
        assert_eq!(leido("hola qué tal"), Some(cable.texto("hola qué tal")));
        assert_eq!(leido("mensaje  hola\r"), Some(cable.texto(" hola")));
        assert_eq!(
            leido("paquete \"dos palabras\" \"\" tres"),
            Some(cable.paquete_de_textos(&["dos palabras", "", "tres"]))
        );
        assert_eq!(leido("codigo -1"), Some(cable.con_payload(u64::from(u32::MAX), &[])));
        assert_eq!(leido(""), None);
        assert!(leer_renglon("paquete \"a", &cable).unwrap_err().to_string().contains("no se cierra"));
    }

    #[test]
    fn lo_que_no_puede_ser_se_dice() {
        let cable = Cable { tamanio: Ancho::U8, ..Cable::default() };
        assert_eq!(queja("codigo 7 u8:256", &cable), "«256» no es un u8.");
        assert_eq!(queja("codigo 7 i8:128", &cable), "«128» no es un i8.");
        assert_eq!(
            queja("codigo 7 hola", &cable),
            "«hola» no dice de qué tipo es: u32:5, i64:-1, str:hola, hex:01ff..."
        );
        assert_eq!(queja("codigo x", &cable), "«x» no es un código de 4 bytes.");
        assert_eq!(queja("codigo 7 hex:0ff", &cable), "«0ff» no es un hex.");
        assert_eq!(queja("mensaje", &cable), "A «mensaje» le falta su texto.");
        assert!(
            queja("mensage hola", &cable).starts_with("No sé mandar «mensage»: puede ser mensaje, paquete o codigo.")
        );
        let largo = format!("mensaje {}", "a".repeat(255));
        assert_eq!(
            queja(&largo, &cable),
            "El payload mide 256 bytes, y en este cable el tamaño viaja en 1 byte (hasta 255)."
        );
    }
}
