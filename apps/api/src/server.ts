import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import cookie from '@fastify/cookie';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.ts';
import type { Config } from './config.ts';
import { LinkGateway } from './dispatcher/link-gateway.ts';
import { addSecurityHeaders } from './http/security-headers.ts';
import { routeUpgrades } from './http/upgrades.ts';
import { proxyToWeb } from './http/web-proxy.ts';
import type { Logger } from './logger.ts';
import { TerminalGateway } from './modules/tasks/terminal-gateway.ts';
import { applyMigrations } from './persistence/migrate.ts';
import { type RunningReconcilers, type StartReconcilers, startReconcilers } from './reconcilers/start.ts';
import { ReplicaGateway } from './replicas/replica-gateway.ts';
import { ReplicaRegistration } from './replicas/replica-registration.ts';

const mostBodyBytes = 4 * 1024 * 1024;

export interface ApiServer {
  /** http://ADDRESS:PORT as bound. */
  readonly url: string;
  /** Lets requests under way end, ends streams and sessions, and closes every connection. */
  close(): Promise<void>;
}

/** The whole control plane of one replica, from migrations to an open port. `startDeciding` says where the reconcilers run. */
export async function startServer(config: Config, logger: Logger, startDeciding: StartReconcilers = startReconcilers): Promise<ApiServer> {
  const applied = await applyMigrations(config.databaseUrl);
  if (applied.length > 0) logger.info({ applied }, 'migrated the database');
  const adapter = new FastifyAdapter({
    bodyLimit: mostBodyBytes,
    trustProxy: config.isBehindProxy,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 256 },
  });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.for(config, logger), adapter, { logger: false, abortOnError: false });
  let deciding: RunningReconcilers | null = null;
  const close = async () => {
    await deciding?.close();
    await app.close();
  };
  try {
    const fastify = app.getHttpAdapter().getInstance();
    await fastify.register(cookie);
    await addSecurityHeaders(fastify, { isHttps: config.isBehindProxy });
    const gateways = {
      link: app.get(LinkGateway, { strict: false }),
      terminal: app.get(TerminalGateway, { strict: false }),
      replica: app.get(ReplicaGateway, { strict: false }),
    };
    routeUpgrades(app.getHttpServer(), gateways, logger);
    await app.init();
    deciding = await startDeciding(config, logger);
    await proxyToWeb(fastify, config.webUrl);
    await app.listen(config.port, config.bind);
  } catch (error) {
    await close();
    throw error;
  }
  const url = toUrl(app.getHttpServer().address());
  app.get(ReplicaRegistration, { strict: false }).announce(url);
  return { url, close };
}

function toUrl(address: string | AddressInfo | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server listens on no port');
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
