add_executable(bench_field ${CMAKE_CURRENT_LIST_DIR}/field_bench.cc)
target_link_libraries(bench_field PRIVATE starling_options starling_kernels benchmark::benchmark)
