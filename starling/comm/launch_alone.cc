// In place of launch_mpi.cc where there is no MPI.
#include "starling/comm/launch.h"

namespace starling::comm {

Communicator& launched() {
  return alone();
}

bool knows_mpi() {
  return false;
}

}  // namespace starling::comm
