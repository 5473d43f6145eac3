//! `tp0 revisar`: cada variante que se ve en los TP, dicha en su renglón; de lo que no importa y de lo que está bien, ni una palabra.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "pruebas")]

mod comun;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use comun::{Carpeta, texto, tp0};
use serde_json::Value;

fn raiz() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn revisar(carpeta: &Path, argumentos: &[&str]) -> Output {
    tp0(carpeta).arg("revisar").args(argumentos).output().unwrap()
}

/// Lo que dice de un fuente, con `renglon clase: que pasa en_su_lugar`.
fn dichos(fuente: &str) -> Vec<String> {
    let carpeta = Carpeta::nueva();
    fs::write(carpeta.camino().join("a.c"), fuente).unwrap();
    let salida = revisar(carpeta.camino(), &["--json", "a.c"]);
    let json: Value = serde_json::from_slice(&salida.stdout).unwrap_or_else(|_| panic!("{}", texto(&salida.stderr)));
    let hallazgos = json["hallazgos"].as_array().unwrap();
    assert_eq!(salida.status.code(), Some(i32::from(!hallazgos.is_empty())), "{json}");
    assert_eq!(json["sin_entender"], Value::Array(Vec::new()), "{fuente}");
    let de = |uno: &Value, cual: &str| uno[cual].as_str().unwrap().to_owned();
    hallazgos
        .iter()
        .map(|uno| {
            format!(
                "{} {}: {} {} {}",
                uno["linea"],
                de(uno, "clase"),
                de(uno, "que"),
                de(uno, "pasa"),
                de(uno, "en_su_lugar")
            )
        })
        .collect()
}

/// Un solo hallazgo, de esa clase y en ese renglón, que dice todo eso.
fn dice(fuente: &str, linea: usize, clase: &str, que: &[&str]) {
    let dichos = dichos(fuente);
    assert_eq!(dichos.len(), 1, "{fuente}: {dichos:#?}");
    assert!(dichos[0].starts_with(&format!("{linea} {clase}: ")), "{fuente}: {dichos:#?}");
    for parte in que {
        assert!(dichos[0].contains(parte), "{fuente}: no dice «{parte}»: {dichos:#?}");
    }
}

fn calla(fuente: &str) {
    let dichos = dichos(fuente);
    assert!(dichos.is_empty(), "{fuente}: {dichos:#?}");
}

/// Las variantes de las que hay en los TP, y lo que hay que decir de cada una: lo que pasa y lo que se escribe.
const VARIANTES: &[(&str, &str, &[&str])] = &[
    (
        "int iniciar_servidor(char *puerto);",
        "prototipo",
        &["el puerto 4444", "#define iniciar_servidor(puerto) tp0_iniciar_servidor(NULL, (puerto))"],
    ),
    (
        "int iniciar_servidor(t_log *logger, char *ip, char *puerto);",
        "prototipo",
        &["no mira `t_log *logger` ni `char *ip` ni `char *puerto`", "tp0_iniciar_servidor((ip), (puerto))"],
    ),
    (
        "int iniciar_servidor(t_log *logger, const char *nombre, char *ip, char *puerto);",
        "prototipo",
        &["#define iniciar_servidor(logger, nombre, ip, puerto) tp0_iniciar_servidor((ip), (puerto))"],
    ),
    ("int iniciar_servidor(char *ip, char *puerto);", "prototipo", &["tp0_iniciar_servidor((ip), (puerto))"]),
    (
        "int iniciar_servidor(char *, char *);",
        "prototipo",
        &["#define iniciar_servidor(a1, a2) tp0_iniciar_servidor((a1), (a2))"],
    ),
    (
        "int iniciar_servidor(int puerto);",
        "prototipo",
        &["el puerto 4444", "TP0_SIN_NOMBRES", "tp0_iniciar_servidor(const char *ip, const char *puerto)"],
    ),
    (
        "int esperar_cliente(t_log *logger, const char *nombre, int servidor);",
        "prototipo",
        &[
            "`t_log *logger`, lo tomaría por `int servidor`",
            "EBADF",
            "#define esperar_cliente(logger, nombre, servidor) esperar_cliente((servidor))",
        ],
    ),
    (
        "int esperar_cliente(int servidor, t_log *logger, char *mensaje);",
        "prototipo",
        &["no mira `t_log *logger` ni `char *mensaje`, y lo demás lo hace igual"],
    ),
    (
        "int esperar_cliente(int servidor, void (*atender)(int));",
        "prototipo",
        &["no mira `void (*atender)(int)`", "TP0_SIN_NOMBRES"],
    ),
    (
        "int crear_conexion(t_log *logger, char *nombre, char *ip, char *puerto);",
        "prototipo",
        &[
            "`t_log *logger`, lo tomaría por `const char *ip`",
            "#define crear_conexion(logger, nombre, ip, puerto) crear_conexion((ip), (puerto))",
        ],
    ),
    ("int crear_conexion(t_log *logger, char *ip, char *puerto);", "prototipo", &["crear_conexion((ip), (puerto))"]),
    (
        "int crear_conexion(char *ip, char *puerto, t_log *logger);",
        "prototipo",
        &["no mira `t_log *logger`, y lo demás lo hace igual"],
    ),
    (
        "int crear_conexion(char *ip, int puerto);",
        "prototipo",
        &["`int puerto`, lo tomaría por `const char *puerto`", "SIGSEGV", "TP0_SIN_NOMBRES"],
    ),
    (
        "void liberar_conexion(int *conexion);",
        "prototipo",
        &["EBADF", "#define liberar_conexion(conexion) liberar_conexion(*(conexion))"],
    ),
    (
        "void enviar_mensaje(int conexion, char *mensaje);",
        "prototipo",
        &["SIGSEGV", "#define enviar_mensaje(conexion, mensaje) enviar_mensaje((mensaje), (conexion))"],
    ),
    (
        "void enviar_paquete(int conexion, t_paquete *paquete);",
        "prototipo",
        &["SIGSEGV", "enviar_paquete((paquete), (conexion))"],
    ),
    ("bool enviar_paquete(t_paquete *paquete, int conexion);", "devuelve", &["un `bool` lo leería al revés"]),
    (
        "t_paquete *crear_paquete(int codigo);",
        "prototipo",
        &["el código queda en 1, PAQUETE", "paquete->codigo_operacion = codigo"],
    ),
    (
        "t_paquete *crear_paquete(int codigo, t_buffer *buffer);",
        "prototipo",
        &["no mira `int codigo` ni `t_buffer *buffer`", "TP0_SIN_NOMBRES"],
    ),
    (
        "void *recibir_buffer(int conexion);",
        "prototipo",
        &["SIGSEGV", "#define recibir_buffer(conexion) recibir_buffer(&(int){0}, (conexion))"],
    ),
    (
        "void recibir_mensaje(t_log *logger, int conexion);",
        "prototipo",
        &[
            "`t_log *logger`, lo tomaría por `int conexion`",
            "#define recibir_mensaje(logger, conexion) recibir_mensaje((conexion))",
        ],
    ),
    (
        "char *recibir_mensaje(int conexion);",
        "devuelve",
        &[
            "devuelve un `int`, 0 o -1, y el programa lo tomaría por `char *`",
            "#define recibir_mensaje(conexion) tp0_recibir_mensaje((conexion))",
        ],
    ),
    (
        "t_paquete *recibir_paquete(int conexion);",
        "devuelve",
        &["devuelve `t_list *`, y el programa lo leería como `t_paquete *`", "tp0_recibir((conexion))"],
    ),
    ("void recibir_paquete(int conexion);", "devuelve", &["se perdería"]),
    ("uint8_t recibir_operacion(int conexion);", "devuelve", &["en `uint8_t`, puede ser 255"]),
    ("ssize_t enviar_paquete(t_paquete *paquete, int conexion);", "devuelve", &["en `ssize_t`, puede ser 4294967295"]),
    (
        "void agregar_a_paquete(t_paquete *paquete, uint32_t tamanio, void *valor);",
        "prototipo",
        &["`uint32_t tamanio`, lo tomaría por `const void *valor`", "agregar_a_paquete((paquete), (valor), (tamanio))"],
    ),
];

const TIPOS: &str = "#include <commons/log.h>\n#include <commons/collections/list.h>\n\
    typedef enum { MENSAJE, PAQUETE } op_code; typedef struct { int size; void *stream; } t_buffer;\n\
    typedef struct { op_code codigo_operacion; t_buffer *buffer; } t_paquete;\n";

#[test]
fn cada_variante_se_dice_como_es() {
    for (prototipo, clase, que) in VARIANTES {
        dice(&format!("{TIPOS}{prototipo}\n"), 5, clase, que);
    }
}

/// Lo que se manda escribir compila, detrás de `tp0.h`, y sin tocar a quien llama.
#[test]
fn las_macros_que_se_mandan_escribir_compilan() {
    let mut macros = 0;
    for (prototipo, ..) in VARIANTES {
        for dicho in dichos(&format!("{TIPOS}{prototipo}\n")) {
            let (_, lugar) = dicho.split_once("sin tocar a quien la llama: ").unwrap_or_default();
            let codigo: Vec<&str> = lugar.split('`').skip(1).step_by(2).collect();
            if codigo.is_empty() {
                continue;
            }
            macros += 1;
            let (firma, _) = prototipo.split_once(");").unwrap();
            let (antes, parametros) = firma.split_once('(').unwrap();
            let nombre = antes.rsplit([' ', '*']).next().unwrap();
            let suyos: Vec<&str> =
                parametros.split(',').map(|uno| uno.trim().rsplit([' ', '*']).next().unwrap()).collect();
            let (declara, pasa) = if suyos.iter().any(|uno| uno.is_empty()) {
                ("char *a, char *b".to_owned(), "a, b".to_owned())
            } else {
                (parametros.to_owned(), suyos.join(", "))
            };
            let declara = declara.replace("t_log *", "void *");
            let fuente = format!(
                "#include <tp0.h>\n{}\nint usar({declara});\nint usar({declara})\n{{\n\t(void){nombre}({pasa});\n\treturn 0;\n}}\n",
                codigo.join("\n")
            );
            let carpeta = Carpeta::nueva();
            let archivo = carpeta.camino().join("macro.c");
            fs::write(&archivo, &fuente).unwrap();
            let salida = Command::new("cc")
                .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-fsyntax-only", "-I"])
                .arg(raiz().join("include"))
                .arg(&archivo)
                .output()
                .unwrap();
            assert!(salida.status.success(), "{fuente}\n{}", texto(&salida.stderr));
        }
    }
    assert!(macros >= 18, "{macros}");
}

#[test]
fn lo_que_no_importa_no_se_dice() {
    for prototipo in [
        "int iniciar_servidor();",
        "int iniciar_servidor(void);",
        "void enviar_mensaje(char *mensaje, int socket_cliente);",
        "int enviar_mensaje(const char *m, int s) ;",
        "void crear_buffer(t_paquete *paquete);",
        "t_paquete *crear_paquete();",
        "void agregar_a_paquete(t_paquete *, void *, int);",
        "int recibir_operacion(int);",
        "op_code recibir_operacion(int socket);",
        "void *recibir_buffer(int *, int);",
        "void *recibir_buffer(uint32_t *size, int socket);",
        "void recibir_mensaje(int);",
        "t_list *recibir_paquete(int);",
        "void liberar_conexion(uint32_t socket);",
        "void *serializar_paquete(t_paquete *paquete, int bytes);",
        "t_buffer *buffer_create(uint32_t size);",
        "void buffer_add(t_buffer *buffer, void *data, uint32_t size);",
        "uint8_t buffer_read_uint8(t_buffer *buffer);",
        "char *buffer_read_string(t_buffer *buffer, uint32_t *length);",
        "double buffer_read_double(t_buffer *buffer);",
        // De otro archivo no se la puede llamar.
        "static char *recibir_mensaje(char *a, char *b) { return a + (b - a); }",
        // No es una función con ese nombre: es un campo, un parámetro o un puntero.
        "struct tabla { char *(*recibir_mensaje)(char *); };",
        "void usar(char *(*recibir_mensaje)(char *));",
        // Un tipo del que no se sabe nada.
        "conexion_t crear_conexion(char *ip, char *puerto);",
    ] {
        calla(&format!("{TIPOS}{prototipo}\n"));
    }
}

#[test]
fn la_misma_firma_se_dice_una_vez_donde_esta_definida() {
    let carpeta = Carpeta::nueva();
    fs::write(carpeta.camino().join("a.h"), "void liberar_conexion(int *s);\n").unwrap();
    fs::write(carpeta.camino().join("b.c"), "\nvoid liberar_conexion(int *otro)\n{\n}\n").unwrap();
    let salida = revisar(carpeta.camino(), &["."]);
    let dicho = texto(&salida.stdout);
    assert!(
        dicho.starts_with("./b.c:2: ")
            && dicho.contains("También en ./a.h:1.")
            && dicho.contains("2 archivos: 1 cosa."),
        "{dicho}"
    );
}

/// Quien ya escribió las suyas sobre las de otro nombre las tiene a propósito; el orden de su enum sigue importando.
#[test]
fn con_tp0_sin_nombres_las_suyas_estan_bien() {
    calla(
        "#define TP0_SIN_NOMBRES\n#include <tp0.h>\nvoid liberar_conexion(int *conexion) { tp0_liberar_conexion(*conexion); }\n",
    );
    dice("#define TP0_SIN_NOMBRES\n#include <tp0.h>\nenum { PAQUETE };\n", 3, "codigo", &["PAQUETE vale 0"]);
}

#[test]
fn un_paquete_de_otra_forma_es_otra_cosa() {
    let de_un_byte = TIPOS.replace("op_code codigo_operacion", "uint8_t codigo_operacion");
    dice(
        &format!("{de_un_byte}int enviar_paquete(t_paquete *paquete, int conexion);\n"),
        5,
        "prototipo",
        &["leería bytes que no son eso"],
    );
    let guia = TIPOS.replace("{ int size; void *stream; }", "{ uint32_t size; uint32_t offset; void *stream; }");
    calla(&format!("{guia}int enviar_paquete(t_paquete *paquete, int conexion);\n"));
}

#[test]
fn los_codigos() {
    dice(
        "typedef enum { HANDSHAKE, MENSAJE = 0, PAQUETE = 2 } op_code;",
        1,
        "codigo",
        &["PAQUETE vale 2", "crear_paquete() pone 1"],
    );
    dice("enum {\n  PAQUETE = 0x1,\n  MENSAJE,\n};", 3, "codigo", &["MENSAJE vale 2", "enviar_mensaje() pone 0"]);
    calla("typedef enum { MENSAJE, PAQUETE, CREAR_PROCESO = 40, FIN } op_code;");
    calla("typedef enum { PAQUETE = 1, MENSAJE = 0 } op_code;");
    calla("typedef enum { KERNEL, CPU } modulo;");
    let carpeta = Carpeta::nueva();
    fs::write(carpeta.camino().join("a.c"), "enum { A = BASE, MENSAJE };\n").unwrap();
    let salida = revisar(carpeta.camino(), &["a.c"]);
    assert!(texto(&salida.stdout).contains("No entendí a.c:1: cuánto vale MENSAJE"), "{}", texto(&salida.stdout));
    assert_eq!(salida.status.code(), Some(0));
}

#[test]
fn null_al_final_contra_la_lista_vacia() {
    let con = |cuerpo: &str| format!("#include \"utils.h\"\nvoid f(int s)\n{{\n{cuerpo}\n}}\n");
    let clase = "fin-de-conversacion";
    dice(
        &con("\tt_list *l;\n\twhile ((l = recibir_paquete(s)) != NULL)\n\t\tusar(l);"),
        5,
        clase,
        &["da la lista vacía"],
    );
    dice(&con("\tt_list *l = recibir_paquete(s);\n\tif (l == NULL)\n\t\treturn;"), 5, clase, &["tp0_error() != NULL"]);
    dice(&con("\tt_list *l = recibir_paquete(s);\n\tif (!l)\n\t\treturn;"), 5, clase, &[]);
    calla(&con("\tt_list *l = recibir_paquete(s);\n\tif (tp0_error() != NULL || l == NULL)\n\t\treturn;"));
    calla(&con("\tt_list *l = recibir_paquete(s);\n\tif (list_is_empty(l))\n\t\treturn;"));
    calla(&con("\tt_list *l = recibir_paquete(s), *m = otra();\n\tif (m == NULL)\n\t\tusar(l);"));
}

/// Cada sospecha, plantada en su renglón, y al lado el que se le parece y está bien.
#[test]
fn lo_que_corriendo_no_se_ve() {
    let con = |cuerpo: &str| {
        format!(
            "typedef struct {{ int dni; char *nombre; }} t_persona; typedef struct {{ int x; int y; }} t_punto; typedef struct {{ void *stream; int size; }} t_buf;\nvoid f(int fd, int servidor)\n{{\n{cuerpo}\n}}\n"
        )
    };
    for (cuerpo, linea, clase, que) in [
        (
            "\tpthread_t h;\n\twhile (1) {\n\t\tint c = accept(servidor, NULL, NULL);\n\t\tpthread_create(&h, NULL, atender, &c);\n\t\tpthread_detach(h);\n\t}",
            7,
            "hilo",
            "la dirección de `c`",
        ),
        (
            "\tpthread_t h;\n\tint c;\n\tfor (;;) {\n\t\tc = esperar_cliente(servidor);\n\t\tpthread_create(&h, NULL, (void *)atender, (void *)&c);\n\t}",
            8,
            "hilo",
            "la dirección de `c`",
        ),
        (
            "\tpthread_t h;\n\tint c = accept(servidor, NULL, NULL);\n\tpthread_create(&h, NULL, atender, &c);",
            6,
            "hilo",
            "la dirección de `c`",
        ),
        (
            "\tchar *texto = leer();\n\tif (send(fd, texto, sizeof(texto), 0) == -1) return;",
            5,
            "sizeof",
            "`sizeof(texto)` es lo que mide un puntero",
        ),
        (
            "\tchar *texto = leer();\n\tagregar_a_paquete(paquete, texto, sizeof texto + 0);\n\tagregar_a_paquete(paquete, texto, sizeof texto);",
            6,
            "sizeof",
            "strlen(texto) + 1",
        ),
        (
            "\tt_persona p = leer();\n\tif (send(fd, &p, sizeof(t_persona), MSG_NOSIGNAL) != sizeof(t_persona)) return;",
            5,
            "punteros",
            "tiene un puntero: `char *nombre`",
        ),
        (
            "\tt_persona *p = leer();\n\tagregar_a_paquete(paquete, p, sizeof(*p));",
            5,
            "punteros",
            "`t_persona` tiene un puntero",
        ),
        (
            "\tt_persona p = leer();\n\tt_buf *b = nuevo();\n\tmemcpy(b->stream + 4, &p, sizeof(p));",
            6,
            "punteros",
            "`&p` se manda entero",
        ),
        (
            "\tt_persona p = leer();\n\tchar *bytes = malloc(99);\n\tmemcpy(bytes + 8, &p, sizeof p);\n\tif (send(fd, bytes, 99, 0) != 99) return;",
            6,
            "punteros",
            "`&p` se manda entero",
        ),
        (
            "\tint codigo;\n\trecv(fd, &codigo, sizeof(int), MSG_WAITALL);",
            5,
            "sin-mirar",
            "Lo que devuelve `recv` no lo mira nadie",
        ),
        ("\tsend(fd, bytes, tamanio, 0);", 4, "sin-mirar", "Lo que devuelve `send`"),
        ("\tint r = send(fd, bytes, tamanio, 0);", 4, "sin-mirar", "Lo que devuelve `send`"),
        (
            "\tint r;\n\tr = recv(fd, bytes, tamanio, MSG_WAITALL);\n\tusar(bytes);",
            5,
            "sin-mirar",
            "Lo que devuelve `recv`",
        ),
        ("\tint codigo;\n\tif (recv(fd, &codigo, sizeof(int), 0) <= 0) return;", 5, "waitall", "MSG_WAITALL"),
        ("\tuint32_t t;\n\tif (recv(fd, &t, 4, 0) != 4) return;", 5, "waitall", "MSG_WAITALL"),
        ("\tint *t = malloc(4);\n\tif (recv(fd, t, sizeof(int), 0) != 4) return;", 5, "waitall", "MSG_WAITALL"),
        (
            "\tsetsockopt(fd, SOL_SOCKET, SO_REUSEADDR | SO_REUSEPORT, &si, sizeof(si));",
            4,
            "reuso",
            "es el número 15, que es SO_REUSEPORT",
        ),
        ("\tsetsockopt(fd, SOL_SOCKET, 15, &si, sizeof(si));", 4, "reuso", "La opción 15 es SO_REUSEPORT"),
        ("\tsetsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &si, sizeof(si));", 4, "reuso", "SO_REUSEADDR no"),
    ] {
        dice(&con(cuerpo), linea, clase, &[que]);
    }
    for cuerpo in [
        // Cada hilo con lo suyo, o se lo espera.
        "\tpthread_t h;\n\twhile (1) {\n\t\tint *c = malloc(sizeof(int));\n\t\t*c = accept(servidor, NULL, NULL);\n\t\tpthread_create(&h, NULL, atender, c);\n\t}",
        "\tpthread_t h;\n\twhile (1) {\n\t\tint c = accept(servidor, NULL, NULL);\n\t\tpthread_create(&h, NULL, atender, (void *)(intptr_t)c);\n\t}",
        "\tpthread_t h;\n\tint c = accept(servidor, NULL, NULL);\n\tpthread_create(&h, NULL, atender, &c);\n\tpthread_join(h, NULL);",
        "\tpthread_t h;\n\twhile (1) {\n\t\tint c = accept(servidor, NULL, NULL);\n\t\tpthread_create(&h, NULL, atender, &c);\n\t\tsem_wait(&copiado);\n\t}",
        "\tpthread_t h;\n\tint puerto = 4444;\n\tpthread_create(&h, NULL, escuchar, &puerto);",
        // sizeof de lo que es.
        "\tchar texto[20] = \"a\";\n\tif (send(fd, texto, sizeof(texto), 0) == -1) return;",
        "\tchar *texto = leer();\n\tif (send(fd, &texto, sizeof(texto), 0) == -1) return;",
        "\tuint64_t *n = leer();\n\tif (send(fd, n, sizeof(n), 0) == -1) return;",
        "\tchar *texto = leer(), **todos = otros();\n\tmemcpy(todos, &texto, sizeof(texto));\n\tmemset(todos, 0, sizeof(todos));",
        // Un struct sin punteros, o copiado acá.
        "\tt_punto p = leer();\n\tagregar_a_paquete(paquete, &p, sizeof(t_punto));",
        "\tt_persona p = leer(), *copia = malloc(sizeof(t_persona));\n\tmemcpy(copia, &p, sizeof(t_persona));",
        "\tt_persona p = leer();\n\tvoid *copia = malloc(sizeof(t_persona));\n\tmemcpy(copia, &p, sizeof(t_persona));\n\tlist_add(lista, copia);",
        // Lo miran.
        "\tint r = recv(fd, bytes, tamanio, MSG_WAITALL);\n\tif (r <= 0) return;",
        "\tif (send(fd, bytes, tamanio, 0) != tamanio) return;",
        "\tint r;\n\twhile ((r = recv(fd, bytes, tamanio, 0)) > 0) usar(bytes);",
        "\t(void)send(fd, bytes, tamanio, MSG_NOSIGNAL);",
        "\trecv(fd, bytes, 99, MSG_DONTWAIT);",
        // Por pedazos, de a un byte, o lo que haya.
        "\tchar buffer[512];\n\tif (recv(fd, buffer, sizeof(buffer), 0) <= 0) return;",
        "\tchar c;\n\tif (recv(fd, &c, 1, 0) <= 0) return;",
        "\tuint8_t c;\n\tif (recv(fd, &c, sizeof(uint8_t), 0) <= 0) return;",
        "\tint x;\n\tif (recv(fd, &x, sizeof x, MSG_PEEK) <= 0) return;",
        "\tint x;\n\tif (recv(fd, &x, sizeof x, opciones) <= 0) return;",
        "\tsetsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof(si));",
        "\tsetsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &si, sizeof(si));\n\tsetsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &si, sizeof(si));",
        "\tsetsockopt(fd, IPPROTO_TCP, 15, &si, sizeof(si));",
    ] {
        calla(&con(cuerpo));
    }
}

/// Los ejemplos de la biblioteca, su header, y un TP0 a mano y sano: nada.
#[test]
fn de_lo_que_esta_bien_no_se_dice_nada() {
    let carpeta = Carpeta::nueva();
    for sano in [
        "c_examples",
        "include",
        "tests/c/utils.h",
        "tests/c/utils_cliente.h",
        "tests/c/utils_servidor.h",
        "herramienta/tests/c/sano",
        "herramienta/tests/c/tp",
    ] {
        let salida = revisar(carpeta.camino(), &[raiz().join(sano).to_str().unwrap()]);
        let dicho = texto(&salida.stdout);
        assert!(
            salida.status.success() && dicho.ends_with(": nada que decir.\n") && dicho.lines().count() == 1,
            "{sano}: {dicho}"
        );
    }
}

#[test]
fn lo_que_no_se_entiende_se_dice_y_se_sigue() {
    let carpeta = Carpeta::nueva();
    let en = carpeta.camino();
    fs::write(en.join("macro.h"), "API(int, iniciar_servidor, (char *puerto))\nvoid liberar_conexion(int *s);\n")
        .unwrap();
    fs::write(
        en.join("roto.c"),
        "void f(int s)\n{\n\tif (s {\n\t\tsend(s, \"a\", 1, 0);\n\t}\n}\n}}}\nvoid liberar_conexion(int *s) { }\n",
    )
    .unwrap();
    // En Latin-1, con un acento en un comentario y otro en un texto.
    let latin1: Vec<u8> = "// se\u{f1}al\nchar *t = \"a\u{f1}o\";\nvoid enviar_mensaje(int s, char *m);\n"
        .chars()
        .map(|c| c as u8)
        .collect();
    fs::write(en.join("latin1.c"), latin1).unwrap();
    fs::write(en.join("utf16.c"), b"\xff\xfei\0n\0t\0").unwrap();
    fs::write(en.join("vacio.c"), "").unwrap();
    fs::write(en.join("grande.c"), vec![b'\n'; 2 << 20]).unwrap();
    fs::write(en.join("hondo.c"), format!("int x = {}1{};\n", "(".repeat(50_000), ")".repeat(50_000))).unwrap();
    symlink(en, en.join("vuelta")).unwrap();
    symlink(en.join("no_esta.c"), en.join("colgado.c")).unwrap();
    symlink(en.join("macro.h"), en.join("otro_nombre.h")).unwrap();
    assert!(Command::new("mkfifo").arg(en.join("tubo.c")).status().unwrap().success());
    let salida = revisar(en, &["."]);
    let dicho = texto(&salida.stdout);
    assert_eq!(salida.status.code(), Some(1), "{dicho}");
    for parte in [
        "No entendí ./macro.h:1: una macro que esconde el prototipo de iniciar_servidor.",
        "No entendí ./roto.c:",
        "No entendí ./utf16.c: tiene bytes en 0",
        "No entendí ./grande.c: mide 2097152 bytes",
        "No entendí ./hondo.c: ",
        "No entendí ./colgado.c: no existe.",
        "./latin1.c:3: `void enviar_mensaje(int s, char *m)`",
        "./roto.c:8: `void liberar_conexion(int *s)`",
        "También en ./macro.h:2.",
        "4 archivos: ",
    ] {
        assert!(dicho.contains(parte), "no dice «{parte}»: {dicho}");
    }
}

#[test]
fn lo_que_no_se_puede_leer() {
    let carpeta = Carpeta::nueva();
    let en = carpeta.camino();
    fs::write(en.join("notas.txt"), "nada de C").unwrap();
    for (que, dice) in [(".", "No hay ningún fuente de C"), ("no_esta", "No pude leer no_esta: no existe.")] {
        let salida = revisar(en, &[que]);
        let error = texto(&salida.stderr);
        assert_eq!((salida.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.starts_with("tp0: ") && error.contains(dice), "{error}");
    }
    fs::write(en.join("a.c"), "int x;\n").unwrap();
    fs::set_permissions(en.join("a.c"), fs::Permissions::from_mode(0o000)).unwrap();
    let secreta = en.join("secreta");
    fs::create_dir(&secreta).unwrap();
    fs::write(secreta.join("b.c"), "int x;\n").unwrap();
    fs::set_permissions(&secreta, fs::Permissions::from_mode(0o000)).unwrap();
    // Root lee lo que quiera: se revisa como nadie.
    let mut orden = tp0(en);
    if fs::read(en.join("a.c")).is_ok() {
        let copia = Path::new("/tmp").join(format!("tp0-revisar-{}", std::process::id()));
        comun::ejecutables::copiar_programa(env!("CARGO_BIN_EXE_tp0"), &copia);
        orden = Command::new("setpriv");
        orden.args(["--reuid=65534", "--clear-groups"]).arg(&copia).arg("revisar").arg(".").current_dir(en);
        let salida = orden.output();
        let _ = fs::remove_file(&copia);
        permisos(&salida.expect("setpriv, de util-linux"));
    } else {
        permisos(&orden.args(["revisar", "."]).output().unwrap());
    }
    fs::set_permissions(&secreta, fs::Permissions::from_mode(0o755)).unwrap();
}

fn permisos(salida: &Output) {
    let error = texto(&salida.stderr);
    assert_eq!(salida.status.code(), Some(2), "{error}{}", texto(&salida.stdout));
    assert!(error.contains("No hay ningún fuente de C") && error.contains("no hay permiso"), "{error}");
}
