# syntax=docker/dockerfile:1
# raccordo in a container: no root, and the root file system may be read-only. `compose.yaml` runs it
# with PostgreSQL and RabbitMQ.

# What the console's pages load.
FROM node:20-bookworm-slim AS assets
WORKDIR /build/web
COPY web/package.json web/package-lock.json web/build.mjs ./
RUN npm ci --ignore-scripts --no-audit --no-fund && node build.mjs

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock askama.toml ./
COPY benches benches
COPY config config
COPY fixtures fixtures
COPY mappings mappings
COPY schemas schemas
COPY web web
COPY --from=assets /build/web/dist web/dist
COPY src src
RUN cargo build --locked --release --bin raccordo

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 raccordo \
    && useradd --system --uid 10001 --gid raccordo --home-dir /var/lib/raccordo --shell /usr/sbin/nologin raccordo \
    && install --directory --owner=raccordo --group=raccordo --mode=0700 /var/lib/raccordo
COPY LICENSE /usr/share/doc/raccordo/LICENSE
COPY --from=build /build/target/release/raccordo /usr/local/bin/raccordo
USER 10001:10001
WORKDIR /var/lib/raccordo
ENV RACCORDO_CONFIG=/etc/raccordo/raccordo.toml
# Ledger, key file, local socket: the only place that is written.
VOLUME /var/lib/raccordo
EXPOSE 8780 8781
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["raccordo", "health"]
ENTRYPOINT ["raccordo"]
CMD ["serve"]
