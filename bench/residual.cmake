add_executable(bench_residual ${CMAKE_CURRENT_LIST_DIR}/residual_bench.cc)
target_compile_options(bench_residual PRIVATE -march=${STARLING_ARCH})
target_link_libraries(bench_residual PRIVATE starling_options starling_pinn fmt::fmt)
