# Warnings, sanitizers and hardening as one interface target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# Assertions of ours stay on in release builds; -g1 keeps stack traces readable at little cost.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

set(HILLSTAR_SANITIZE "" CACHE STRING "address;undefined, or thread")
option(HILLSTAR_WERROR "Warnings are errors; off for compilers other than the one of Debian 12" ON)
find_program(CCACHE ccache)
if(CCACHE)
  # Relative paths below the checkout, and no hash of the build folder: clones share what they compile.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(hillstar_options INTERFACE)
target_include_directories(hillstar_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(hillstar_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
  $<$<BOOL:${HILLSTAR_WERROR}>:-Werror> -fstack-protector-strong -D_GLIBCXX_ASSERTIONS)
if(HILLSTAR_SANITIZE)
  string(REPLACE ";" "," sanitizers "${HILLSTAR_SANITIZE}")
  # A finding ends the program: one that is only printed passes for a success.
  target_compile_options(hillstar_options INTERFACE -fsanitize=${sanitizers} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(hillstar_options INTERFACE -fsanitize=${sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With the sanitizers' code between, gcc 12 believes that members of a variant which is another one are read.
    target_compile_options(hillstar_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  if("thread" IN_LIST HILLSTAR_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # Fences in headers of libraries, of which a report would tell.
    target_compile_options(hillstar_options INTERFACE -Wno-tsan)
  endif()
endif()

# hillstar_library(name SOURCES ... LINK ...): a layer; every header of it is checked to stand alone.
function(hillstar_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE hillstar_options ${ARG_LINK})
    return()
  endif()
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC hillstar_options ${ARG_LINK})
endfunction()
