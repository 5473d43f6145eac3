//! Escribir una página de manual en roff, con las macros de man(7).

/// Hasta dónde llega una línea del archivo; cómo se la ve lo decide quien la muestra.
const ANCHO: usize = 90;

/// Una página que se va escribiendo.
pub(crate) struct Pagina {
    texto: String,
}

impl Pagina {
    pub(crate) fn nueva(nombre: &str, seccion: u8, version: &str) -> Self {
        let titulo = format!(".TH {nombre} {seccion} \"\" \"libtp0 {version}\" \"Manual de libtp0\"\n");
        // Sin guiones al final del renglón (groff cortaría como en inglés), sin justificar, y un solo blanco tras el punto.
        // HY y AD son lo que groff vuelve a poner en cada párrafo; .nh y .ad, lo mismo para otros.
        let forma = ".nr HY 0\n.nh\n.ds AD l\n.ad l\n.ss 12 0\n";
        let origen = ".\\\" La escribe la compilación con los comentarios de src/abi: no se cambia acá.\n";
        Self { texto: format!(".\\\" -*- coding: utf-8 -*-\n{origen}{titulo}{forma}") }
    }

    /// La línea que leen whatis y apropos: entera, y sin nada que ellos no sepan leer.
    pub(crate) fn nombre(&mut self, nombre: &str, resumen: &str) {
        self.linea(&format!("{nombre} \\- {}", resumen.replace('\\', "\\e").replace('-', "\\-")));
    }

    pub(crate) fn seccion(&mut self, titulo: &str) {
        self.texto += &format!(".SH {}\n", escapar(titulo));
    }

    /// Texto ya escapado, en líneas no muy largas.
    pub(crate) fn texto(&mut self, texto: &str) {
        let mut linea = String::new();
        for palabra in texto.split_whitespace() {
            if !linea.is_empty() && linea.chars().count() + palabra.chars().count() >= ANCHO {
                self.linea(&linea);
                linea.clear();
            }
            if !linea.is_empty() {
                linea.push(' ');
            }
            linea += palabra;
        }
        self.linea(&linea);
    }

    pub(crate) fn parrafo(&mut self, texto: &str) {
        self.separar();
        self.texto(texto);
    }

    /// Un término y, con sangría, qué es.
    pub(crate) fn termino(&mut self, termino: &str, texto: &str) {
        self.texto += ".TP\n";
        self.texto(termino);
        self.texto(texto);
    }

    /// Código o un dibujo: se ve como está escrito.
    pub(crate) fn codigo(&mut self, lineas: &[String]) {
        // Debajo de un texto, un poco más adentro.
        let sangria = !self.tras_un_titulo();
        self.texto += if sangria { ".PP\n.RS 4\n.EX\n" } else { ".EX\n" };
        for linea in lineas {
            self.linea(&escapar(linea));
        }
        self.texto += if sangria { ".EE\n.RE\n" } else { ".EE\n" };
    }

    /// El prototipo o la declaración, en negrita.
    pub(crate) fn declaracion(&mut self, lineas: &[String]) {
        self.separar();
        self.texto += ".nf\n";
        for linea in lineas {
            self.linea(&negrita(linea));
        }
        self.texto += ".fi\n";
    }

    /// Deja un espacio, que justo después de un título no hace falta.
    fn separar(&mut self) {
        if !self.tras_un_titulo() {
            self.texto += ".PP\n";
        }
    }

    fn tras_un_titulo(&self) -> bool {
        self.texto.lines().next_back().is_some_and(|ultima| ultima.starts_with(".SH"))
    }

    /// Un punto o una comilla al comienzo serían una orden.
    fn linea(&mut self, linea: &str) {
        if linea.starts_with(['.', '\'']) {
            self.texto += "\\&";
        }
        self.texto += linea;
        self.texto.push('\n');
    }

    pub(crate) fn terminar(self) -> String {
        self.texto
    }
}

/// Lo que en roff no es una letra como las demás. Sin esto, un guión o una comilla de C se verían como los tipográficos.
pub(crate) fn escapar(texto: &str) -> String {
    let mut salida = String::new();
    for letra in texto.chars() {
        match letra {
            '\\' => salida += "\\e",
            '-' => salida += "\\-",
            '\'' => salida += "\\(aq",
            '"' => salida += "\\(dq",
            '`' => salida += "\\(ga",
            '^' => salida += "\\(ha",
            '~' => salida += "\\(ti",
            otra => salida.push(otra),
        }
    }
    salida
}

pub(crate) fn negrita(texto: &str) -> String {
    format!("\\fB{}\\fP", escapar(texto))
}

pub(crate) fn cursiva(texto: &str) -> String {
    format!("\\fI{}\\fP", escapar(texto))
}

/// La referencia a otra página.
pub(crate) fn referencia(nombre: &str, seccion: u8) -> String {
    format!("{}({seccion})", negrita(nombre))
}
