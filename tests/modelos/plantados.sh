# shellcheck shell=bash
# Los errores que se plantan: NOMBRE MODELO DICE ARCHIVO VIEJO NUEVO (tests/modelos.sh).

# El cruce de Ritmo::juntar, como estuvo: con menos que SeqCst de un lado, los dos se pierden.
plantar despegar_acqrel ritmo_c 'alguien recibe, y lo que se envió quedó retenido' src/abi/vuelo.rs \
    'self.estado.fetch_add(1, Ordering::SeqCst)' 'self.estado.fetch_add(1, Ordering::AcqRel)'
plantar mirar_relaxed ritmo_rust 'alguien recibe, y lo que se envió quedó retenido' src/ritmo.rs \
    'match self.estado.load(Ordering::SeqCst) {' 'match self.estado.load(Ordering::Relaxed) {'
plantar sin_mirar_otra_vez ritmo_c 'alguien recibe, y lo que se envió quedó retenido' src/ritmo.rs \
    'if self.estado.load(Ordering::SeqCst) != JUNTANDO {' 'if false {'

# El turno.
plantar soltar_sin_despertar turno 'deadlock' src/sistema/turno.rs \
    'antes == Ok(vuelta | CON_ESPERA)' 'antes == Ok(vuelta | TOMADO)'
plantar soltar_relaxed turno 'Causality violation' src/sistema/turno.rs \
    'compare_exchange(mio, libre, Ordering::Release, Ordering::Relaxed)' \
    'compare_exchange(mio, libre, Ordering::Relaxed, Ordering::Relaxed)'
plantar soltar_el_ajeno turno_renovado 'el de la vuelta anterior soltó el de ésta' src/sistema/turno.rs \
    '(estado & !(VUELTA - 1) == vuelta).then_some(vuelta | LIBRE)' 'Some(estado & !(VUELTA - 1) | LIBRE)'

# El timbre.
plantar sin_timbre timbre_senial 'nadie despierta a quien duerme en poll' src/sistema/pedido.rs \
    'intereses.extend(timbre);' 'drop(timbre);'
plantar sin_el_mudado timbre_liberada 'deadlock' src/sistema/pedido.rs \
    'despertar(&marco.visto_dormido, 1);' ''
plantar liberada_despues timbre_liberada 'se liberó: Err' src/escucha.rs \
    'self.liberada.poner(true);
        let _ = socket.shutdown(Shutdown::Both);' \
    'let _ = socket.shutdown(Shutdown::Both);
        self.liberada.poner(true);'

# La vida de un número.
plantar trozo_propio tabla 'dos hilos con dos ranuras del mismo número' src/abi/tabla.rs \
    'Ok(de_otro_hilo)' '{ let _ = de_otro_hilo; Ok(nuevo) }'
plantar sin_despertar ranura_liberar 'nadie despierta a quien duerme en recv' src/abi/descriptores.rs \
    'uso.despertar_a_los_demas();
    Ok(())' \
    'Ok(())'
plantar cerrar_sin_esperar ranura_liberar 'se cerró con una llamada en vuelo' src/abi/descriptores.rs \
    'uso.despertar_a_los_demas();
    Ok(())' \
    'uso.despertar_a_los_demas();
    cerrar(descriptor);
    Ok(())'
plantar olvidar_antes_de_cerrar ranura_dos_liberan 'de dos que liberan a la vez, lo logra uno' src/abi/descriptores.rs \
    'ranura.olvidar(descriptor, CERRANDO)' 'ranura.olvidar(descriptor, 0)'
plantar liberar_dos_veces ranura_dos_liberan 'de dos que liberan a la vez, lo logra uno' src/abi/vuelo.rs \
    '(estado & (LIBERADO | CERRANDO) == 0).then_some(estado | LIBERADO)' 'Some(estado | LIBERADO)'
plantar tumba_sin_cerrar ranura_enterrar 'se liberó y sigue abierto' src/abi/descriptores.rs \
    'Some(_) => tumbas::cerrar_tumba(descriptor),' 'Some(_) => {}'
plantar aterrizar_en_otra ranura_reusada 'la segunda anda' src/abi/vuelo.rs \
    'while vuelta(antes) == suya {' 'while vuelta(antes) == suya || true {'
