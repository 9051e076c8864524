# hillstar_embed(target file variable): makes the file's bytes a `const char[]` named hillstar::embedded::<variable>.
function(hillstar_embed target file variable)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${variable}.cpp)
  get_filename_component(input ${file} ABSOLUTE)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${input} -DOUTPUT=${output} -DVARIABLE=${variable}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    DEPENDS ${input} ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
