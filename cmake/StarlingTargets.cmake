# How a folder of starling/ becomes a library that sees only what stands below it.
#
# A folder's headers are reachable through a private include root that holds one link, `starling/NAME`, to the folder.
# A target inherits the roots of what it links and no others, so an include that runs up the floors does not compile.

add_library(starling_options INTERFACE)
target_compile_options(starling_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror)
# No result depends on errno after a mathematical function, and a loop with a square root is vectorised without it alone.
target_compile_options(starling_options INTERFACE -fno-math-errno)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 takes the undefined operands of its own AVX-512 intrinsics for uninitialised variables (GCC bug 105593), and
  # sees overlaps in std::string's operator+ that cannot be (GCC bug 105651).
  target_compile_options(starling_options INTERFACE -Wno-maybe-uninitialized -Wno-uninitialized -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD) # a local name may be one of another file's
  target_compile_options(starling_options INTERFACE -Wno-shadow)
endif()
if(STARLING_SANITIZE)
  target_compile_options(starling_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
                                                    -fno-omit-frame-pointer)
  target_link_options(starling_options INTERFACE -fsanitize=address,undefined)
endif()
if(STARLING_FUZZ) # everything reports its coverage to the fuzzer; the sanitizers' run-time library answers it in other executables
  target_compile_options(starling_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(STARLING_SANITIZE_THREADS)
  target_compile_options(starling_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(starling_options INTERFACE -fsanitize=thread)
endif()

# Eigen's allocation alignment follows -march; the run-time dispatched kernels are built without one. One value for all
# keeps a buffer allocated in one file and released in another well-formed.
set(STARLING_ABI_DEFINITIONS EIGEN_MAX_ALIGN_BYTES=64)

# With CMAKE_UNITY_BUILD the sources of a folder are compiled as a few files. One that Highway compiles once a vector
# instruction set includes itself, and stays alone; so does one that replaces functions of the C library.
function(starling_leave_out_of_unity)
  foreach(source ${ARGN})
    file(STRINGS ${source} targets REGEX "hwy/foreach_target.h|posix_memalign" LIMIT_COUNT 1)
    if(targets)
      set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
endfunction()

# starling_library(NAME [PATH systems/drift] [NO_ARCH] SOURCES ... DEPENDS ... [PRIVATE_DEPENDS ...])
#   NO_ARCH: the folder dispatches its vector code at run time and is compiled for plain x86-64; it must not use Eigen.
function(starling_library name)
  cmake_parse_arguments(ARG "NO_ARCH" "PATH" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  if(NOT ARG_PATH)
    set(ARG_PATH ${name})
  endif()
  set(root ${PROJECT_BINARY_DIR}/include/${name})
  get_filename_component(parent ${root}/starling/${ARG_PATH} DIRECTORY)
  file(MAKE_DIRECTORY ${parent})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/starling/${ARG_PATH} ${root}/starling/${ARG_PATH} SYMBOLIC)

  add_library(starling_${name} STATIC ${ARG_SOURCES})
  starling_leave_out_of_unity(${ARG_SOURCES})
  add_library(starling::${name} ALIAS starling_${name})
  set_target_properties(starling_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(starling_${name} PUBLIC cxx_std_20)
  target_compile_definitions(starling_${name} PUBLIC ${STARLING_ABI_DEFINITIONS})
  target_include_directories(starling_${name} PUBLIC $<BUILD_INTERFACE:${root}> $<INSTALL_INTERFACE:include>)
  target_link_libraries(starling_${name} PUBLIC ${ARG_DEPENDS} PRIVATE $<BUILD_INTERFACE:starling_options> ${ARG_PRIVATE_DEPENDS})
  if(ARG_NO_ARCH)
    if(STARLING_SANITIZE)
      # The loops and tails of every target are the same lines: a sanitizer reads them once, where half of its build's time
      # went into three. Highway takes AVX2 for given only with AES, which the preset adds.
      target_compile_options(starling_${name} PRIVATE -march=x86-64-v3)
      target_compile_definitions(starling_${name} PRIVATE "HWY_DISABLED_TARGETS=(HWY_AVX3|HWY_AVX3_DL)")
    else()
      # Processors without AVX2, of before 2013, take the scalar kernels: two targets fewer of five to compile.
      target_compile_definitions(starling_${name} PRIVATE "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4)")
    endif()
  else()
    target_compile_options(starling_${name} PRIVATE -march=${STARLING_ARCH})
    if(CMAKE_UNITY_BUILD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # In a file of files GCC takes a source for a header, whose classes may not have members of unnamed namespaces.
      target_compile_options(starling_${name} PRIVATE -Wno-subobject-linkage)
    endif()
  endif()
  set_property(GLOBAL APPEND PROPERTY STARLING_LIBRARIES starling_${name})
endfunction()

# starling_test(FOLDER SOURCES ... [SLOW ...] DEPENDS ...): one executable test_FOLDER of tests/FOLDER/, every TEST a ctest
# case. SLOW names source files whose cases carry the label `slow`.
function(starling_test folder)
  cmake_parse_arguments(ARG "" "" "SOURCES;SLOW;DEPENDS" ${ARGN})
  starling_test_executable(test_${folder} quick "${ARG_SOURCES}" "${ARG_DEPENDS}")
  if(ARG_SLOW)
    starling_test_executable(test_${folder}_slow slow "${ARG_SLOW}" "${ARG_DEPENDS}")
  endif()
endfunction()

function(starling_test_executable target label sources depends)
  add_executable(${target} ${sources})
  starling_leave_out_of_unity(${sources})
  target_compile_options(${target} PRIVATE -march=${STARLING_ARCH} $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${target} PRIVATE STARLING_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${target} PRIVATE ${depends} starling_options GTest::gtest GTest::gtest_main)
  if(label STREQUAL slow AND NOT STARLING_SLOW_TESTS)
    set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL ON)
    return()
  endif()
  gtest_discover_tests(${target} DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${label} TIMEOUT 900)
endfunction()

# starling_fuzz(FOLDER FORMAT...): libFuzzer targets fuzz_FORMAT of FORMAT.cc in tests/FOLDER/fuzz/; scripts/fuzz.sh runs them.
function(starling_fuzz folder)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang" OR NOT STARLING_SANITIZE)
    message(FATAL_ERROR "STARLING_FUZZ needs clang (-DCMAKE_CXX_COMPILER=clang++) and -DSTARLING_SANITIZE=ON")
  endif()
  foreach(format ${ARGN})
    add_executable(fuzz_${format} ${format}.cc)
    target_compile_options(fuzz_${format} PRIVATE -march=${STARLING_ARCH} -fsanitize=fuzzer)
    target_include_directories(fuzz_${format} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_options(fuzz_${format} PRIVATE -fsanitize=fuzzer)
    target_link_libraries(fuzz_${format} PRIVATE starling::${folder} starling_options)
  endforeach()
endfunction()
