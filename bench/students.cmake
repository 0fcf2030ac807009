add_executable(bench_students ${CMAKE_CURRENT_LIST_DIR}/students_bench.cc)
target_link_libraries(bench_students PRIVATE starling_options starling_students benchmark::benchmark)
