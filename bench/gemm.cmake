add_executable(bench_gemm ${CMAKE_CURRENT_LIST_DIR}/gemm_bench.cc)
target_compile_options(bench_gemm PRIVATE -march=${STARLING_ARCH})
target_link_libraries(bench_gemm PRIVATE starling_options starling_math starling_nets benchmark::benchmark)
