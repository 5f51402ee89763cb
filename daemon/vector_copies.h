#pragma once

namespace pgrecall {

// On AMD processors glibc 2.36 copies with `rep movsb`, which falls to a few GB/s when source and destination lie unluckily
// within their pages; every byte of a backup passes several copies, in libpq too, and that was an eighth of its CPU time. glibc
// takes the threshold above which it does so from its environment alone, at start: so the program starts itself anew, once, with
// GLIBC_TUNABLES set. Returns when that is not needed or not possible; a GLIBC_TUNABLES that is set already is left as it is.
void start_with_vector_copies(char** argv);

}  // namespace pgrecall
