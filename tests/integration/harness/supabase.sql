-- What a fresh self-hosted Supabase has after its first start, and a small application as its user would make it. Run by
-- supabase_admin, who made the cluster; what belongs to others is made as them, so that owners and default privileges are theirs.

create role postgres login createrole createdb replication bypassrls password 'postgres secret';
create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;
create role authenticator login noinherit password 'rest secret';
create role dashboard_user nologin createrole createdb replication;
create role pgbouncer login password 'pool secret';
create role supabase_auth_admin login noinherit createrole password 'auth secret';
create role supabase_storage_admin login noinherit createrole password 'files secret';
create role supabase_functions_admin login noinherit createrole password 'functions secret';
create role supabase_realtime_admin nologin noinherit;
create role supabase_replication_admin login replication;
create role supabase_read_only_user login bypassrls in role pg_read_all_data;
create role supabase_etl_admin login replication in role pg_read_all_data;
create role pgsodium_keyiduser nologin;
create role pgsodium_keyholder nologin in role pgsodium_keyiduser;
create role pgsodium_keymaker nologin in role pgsodium_keyholder;
grant anon, authenticated, service_role to authenticator, postgres;
grant supabase_realtime_admin, pg_monitor, pg_read_all_data, pg_signal_backend to postgres;
grant authenticator to supabase_storage_admin;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set session_preload_libraries = 'safeupdate';
alter role authenticator set lock_timeout = '8s';
alter role supabase_admin set search_path = '$user', public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;
alter role postgres set search_path = '$user', public, extensions;
alter database postgres owner to postgres;
alter database postgres set "app.settings.jwt_exp" = '3600';

grant usage on schema public to anon, authenticated, service_role, postgres;
grant create on schema public to postgres;
create schema extensions authorization postgres;
grant usage on schema extensions to anon, authenticated, service_role, dashboard_user;
create schema auth authorization supabase_auth_admin;
grant usage on schema auth to anon, authenticated, service_role, dashboard_user, postgres, supabase_storage_admin;
create schema storage authorization supabase_storage_admin;
grant usage on schema storage to anon, authenticated, service_role, dashboard_user, postgres;
create schema realtime authorization supabase_admin;
create schema _realtime authorization postgres;
create schema graphql authorization supabase_admin;
create schema graphql_public authorization supabase_admin;
create schema vault authorization supabase_admin;
create schema pgsodium authorization supabase_admin;
create schema supabase_functions authorization supabase_admin;
create schema supabase_migrations authorization postgres;
create extension pgcrypto schema extensions;
create extension pg_stat_statements schema extensions;

alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges for role supabase_admin in schema public grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges for role supabase_auth_admin in schema auth grant all on tables to postgres, dashboard_user;
alter default privileges for role supabase_storage_admin in schema storage grant all on tables to postgres, anon, authenticated, service_role;

set role supabase_auth_admin;
create type auth.factor_type as enum ('totp', 'webauthn', 'phone');
create table auth.users (id uuid primary key, aud text, role text, email text unique, encrypted_password text, confirmed_at timestamptz,
    raw_app_meta_data jsonb, raw_user_meta_data jsonb, is_super_admin boolean, created_at timestamptz default now());
create table auth.identities (id uuid primary key, user_id uuid not null references auth.users on delete cascade, provider text not null,
    provider_id text not null, identity_data jsonb not null, email text generated always as (lower(identity_data ->> 'email')) stored,
    unique (provider_id, provider));
create table auth.sessions (id uuid primary key, user_id uuid not null references auth.users on delete cascade, factor auth.factor_type);
create table auth.refresh_tokens (id bigserial primary key, token text unique, session_id uuid references auth.sessions on delete cascade);
create table auth.schema_migrations (version text primary key);
insert into auth.schema_migrations values ('20230101000000'), ('20240101000000');
alter table auth.users enable row level security;
alter table auth.identities enable row level security;
alter table auth.sessions enable row level security;
create function auth.uid() returns uuid language sql stable as
    $$ select (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid $$;
create function auth.role() returns text language sql stable as
    $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role' $$;
reset role;

set role supabase_storage_admin;
create table storage.buckets (id text primary key, name text not null unique, owner uuid, public boolean default false);
create table storage.objects (id uuid primary key, bucket_id text references storage.buckets, name text, owner uuid, metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored, unique (bucket_id, name));
create table storage.migrations (id int primary key, name text unique, hash text not null);
insert into storage.migrations values (0, 'create-tables', 'c0'), (1, 'add-tokens', 'c1');
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
reset role;

create table realtime.messages (id bigint generated always as identity, topic text not null, inserted_at timestamp not null default now(),
    primary key (id, inserted_at)) partition by range (inserted_at);
create table realtime.messages_now partition of realtime.messages for values from (minvalue) to (maxvalue);
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;

-- Vault, by a library that no other host has: its root key is a file outside the data directory.
create table vault.secrets (id uuid primary key, name text unique, secret text not null, updated_at timestamp not null default now());
create function vault.touched() returns trigger language c as 'supabase_vault', 'moddatetime';
create trigger touched before update on vault.secrets for each row execute function vault.touched('updated_at');
revoke all on vault.secrets from public;
grant select, delete on vault.secrets to postgres, service_role;

create function extensions.announce_change() returns event_trigger language plpgsql as $$ begin notify pgrst, 'reload schema'; end $$;
create function extensions.announce_drop() returns event_trigger language plpgsql as $$ begin notify pgrst, 'reload schema'; end $$;
create function extensions.open_extension() returns event_trigger language plpgsql security definer as $$
    begin
        if exists (select from pg_event_trigger_ddl_commands() where object_identity = 'pg_cron') then
            grant usage on schema cron to postgres with grant option;
        end if;
    end $$;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.announce_change();
create event trigger pgrst_drop_watch on sql_drop execute function extensions.announce_drop();
create event trigger issue_pg_cron_access on ddl_command_end when tag in ('CREATE EXTENSION') execute function extensions.open_extension();
alter event trigger pgrst_ddl_watch owner to supabase_admin;

grant trigger, references, select on auth.users to postgres;
create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;

-- The application, by its owner, who is no superuser.
set role postgres;
create table supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
insert into supabase_migrations.schema_migrations values ('20260101000000', array['create table profiles ()'], 'profiles');
create table public.profiles (id uuid primary key references auth.users on delete cascade, username text unique, points int not null default 0);
alter table public.profiles enable row level security;
create policy "Anybody reads" on public.profiles for select using (true);
create policy "Own row only" on public.profiles for update to authenticated using (auth.uid() = id) with check (auth.uid() = id);
create table public.notes (id bigint generated by default as identity primary key, author uuid not null default auth.uid() references public.profiles on delete cascade, body text);
alter table public.notes enable row level security;
create policy "Own notes" on public.notes to authenticated using (author = auth.uid());
create index by_author on public.notes (author);
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
    begin
        insert into public.profiles (id, username) values (new.id, new.raw_user_meta_data ->> 'name');
        return new;
    end $$;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
create schema inventory;
grant usage on schema inventory to authenticated;
create table inventory.items (id serial primary key, name text not null, price numeric check (price >= 0), seller uuid);
alter table inventory.items enable row level security;
create policy "Sellers sell" on inventory.items to authenticated using (seller = auth.uid());
grant select, update on inventory.items to authenticated;
create view inventory.cheap with (security_invoker) as select id, name from inventory.items where price < 10;
alter publication supabase_realtime add table public.notes;
reset role;
set role supabase_storage_admin;
create policy "Own folder" on storage.objects to authenticated
    using (bucket_id = 'avatars' and (path_tokens)[1] = auth.uid()::text) with check (bucket_id = 'avatars');
reset role;

insert into auth.users (id, aud, role, email, encrypted_password, raw_user_meta_data)
    select md5(i::text)::uuid, 'authenticated', 'authenticated', 'user' || i || '@example.com', repeat('$2a$', 5), jsonb_build_object('name', 'user ' || i)
    from generate_series(1, 500) i;
insert into auth.identities select md5('identity' || email)::uuid, id, 'email', id::text, jsonb_build_object('sub', id, 'email', upper(email)) from auth.users;
insert into auth.sessions select md5('session' || email)::uuid, id, 'totp' from auth.users;
insert into auth.refresh_tokens (token, session_id) select md5('token' || id::text), id from auth.sessions;
insert into public.notes (author, body) select id, 'a note of ' || username from public.profiles;
insert into storage.buckets (id, name, public) values ('avatars', 'avatars', true);
insert into storage.objects (id, bucket_id, name, owner, metadata)
    select md5('object' || id::text)::uuid, 'avatars', id || '/face.png', id, '{"size": 1024}' from public.profiles;
insert into realtime.messages (topic) values ('room'), ('hall');
insert into vault.secrets (id, name, secret) values (md5('key')::uuid, 'stripe', 'b3BhcXVl');
insert into inventory.items (name, price, seller) select 'item ' || i, i % 50, md5((i % 500 + 1)::text)::uuid from generate_series(1, 1000) i;
