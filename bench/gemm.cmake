# The rival of the matrix-product seam; the library itself does not link it.
find_library(OPENBLAS_LIBRARY NAMES openblas REQUIRED)
find_path(OPENBLAS_INCLUDE_DIR NAMES openblas_config.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} openblas-pthread
          openblas REQUIRED)
add_executable(bench_gemm ${CMAKE_CURRENT_LIST_DIR}/gemm_bench.cc)
target_compile_options(bench_gemm PRIVATE -march=${STARLING_ARCH})
target_include_directories(bench_gemm SYSTEM PRIVATE ${OPENBLAS_INCLUDE_DIR})
target_link_libraries(bench_gemm PRIVATE starling_options starling_math starling_nets benchmark::benchmark
                                         ${OPENBLAS_LIBRARY})
