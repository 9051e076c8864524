# Every package with the version in Debian 12; why each was chosen: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(doctest 2.4 REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)  # its package tells no version
# Debian's CAF, RE2 and RocksDB are found by library name: CAF and RE2 ship no CMake package, RocksDB's
# names static parts.
find_library(CAF_CORE_LIBRARY caf_core REQUIRED)
find_library(CAF_IO_LIBRARY caf_io REQUIRED)
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)
# Of programs that run for days with many threads; a sanitizer brings its own.
find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
add_library(hillstar_allocator INTERFACE)
if(NOT HILLSTAR_SANITIZE)
  target_link_libraries(hillstar_allocator INTERFACE ${JEMALLOC_LIBRARY})
endif()
