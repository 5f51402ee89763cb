#pragma once

#include <stop_token>
#include <string>

#include "engine/extract/database_sink.h"

namespace pgrecall {

// A database that is made for what is extracted, under a name of its own until it is whole. Without publish(), it is dropped;
// what a run that was killed left of it is dropped by the next one on that server.
class FreshDatabase {
 public:
  // Connects to the database that `settings` name, to make another one beside it.
  FreshDatabase(const ConnectionSettings& settings, std::string final_name, unsigned source_major, const std::stop_token& stop);
  FreshDatabase(const FreshDatabase&) = delete;
  FreshDatabase& operator=(const FreshDatabase&) = delete;
  ~FreshDatabase();

  [[nodiscard]] const std::string& working_name() const noexcept { return working_name_; }
  [[nodiscard]] DatabaseSink& server() noexcept { return server_; }
  // By pg_dump's CREATE DATABASE, which has encoding and locale.
  void create(const std::string& statement);
  [[nodiscard]] DatabaseSink connect() const;
  // Under its final name; nobody is connected to it.
  void publish();

 private:
  void drop_leavings();

  ConnectionSettings settings_;
  std::string final_name_;
  std::string working_name_;
  unsigned source_major_;
  std::stop_token stop_;
  DatabaseSink server_;
  enum class State { none, made, published } state_ = State::none;
};

}  // namespace pgrecall
