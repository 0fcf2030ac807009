#pragma once
#include "starling/comm/communicator.h"

namespace starling::comm {

/// The ranks that mpirun or srun started this process among, joined at the first call; alone() when nothing
/// of the kind did, or when Starling was built without MPI. MPI is left when the process ends.
Communicator& launched();

/// Whether launched() can be of more than one process: built with MPI.
bool knows_mpi();

}  // namespace starling::comm
