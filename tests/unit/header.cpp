// Compiled for its precompiled header alone, which all unit tests use.
#include <catch2/catch.hpp>
