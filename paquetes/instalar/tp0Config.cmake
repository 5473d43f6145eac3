# find_package(tp0) y target_link_libraries(programa tp0::tp0).

# Con los enlaces resueltos: /lib suele ser un enlace a /usr/lib, y desde ahí «..» lleva a otro lado.
get_filename_component(tp0_aca "${CMAKE_CURRENT_LIST_DIR}" REALPATH)
get_filename_component(tp0_include "${tp0_aca}/@hasta_include@" ABSOLUTE)
get_filename_component(tp0_lib "${tp0_aca}/../.." ABSOLUTE)

if(NOT TARGET tp0::tp0)
  add_library(tp0::tp0 SHARED IMPORTED)
  set_target_properties(tp0::tp0 PROPERTIES
    IMPORTED_LOCATION "${tp0_lib}/libtp0.so.@version@"
    IMPORTED_SONAME "@soname@"
    INTERFACE_INCLUDE_DIRECTORIES "${tp0_include}")
endif()

unset(tp0_aca)
unset(tp0_include)
unset(tp0_lib)
