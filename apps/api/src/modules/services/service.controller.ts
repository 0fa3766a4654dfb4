import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { ServiceService } from './service.service.ts';

const { services } = httpApi;

@Controller('/api/v1')
export class ServiceController {
  constructor(@Inject(ServiceService) private readonly services: ServiceService) {}

  @Guarded('services.list')
  @Implement(services.list)
  list() {
    return implement(services.list).handler(({ input }) => this.services.list(input));
  }

  @Guarded('services.get')
  @Implement(services.get)
  get() {
    return implement(services.get).handler(({ input }) => this.services.get(input.serviceId));
  }

  @Guarded('services.create')
  @Implement(services.create)
  create() {
    return implement(services.create).handler(({ input }) => this.services.create(input));
  }

  @Guarded('services.update')
  @Implement(services.update)
  update() {
    return implement(services.update).handler(({ input }) => this.services.update(input.serviceId, input.version, input.spec));
  }

  @Guarded('services.scale')
  @Implement(services.scale)
  scale() {
    return implement(services.scale).handler(({ input }) => this.services.scale(input.serviceId, input.replicas));
  }

  @Guarded('services.revisions')
  @Implement(services.revisions)
  revisions() {
    return implement(services.revisions).handler(({ input }) => this.services.revisions(input.serviceId, input));
  }

  @Guarded('services.rollback')
  @Implement(services.rollback)
  rollback() {
    return implement(services.rollback).handler(({ input }) => this.services.rollback(input.serviceId, input.revision ?? null));
  }

  @Guarded('services.promote')
  @Implement(services.promote)
  promote() {
    return implement(services.promote).handler(({ input }) => this.services.promote(input.serviceId));
  }

  @Guarded('services.abort')
  @Implement(services.abort)
  abort() {
    return implement(services.abort).handler(({ input }) => this.services.abort(input.serviceId));
  }

  @Guarded('services.pause')
  @Implement(services.pause)
  pause() {
    return implement(services.pause).handler(({ input }) => this.services.setPaused(input.serviceId, true));
  }

  @Guarded('services.resume')
  @Implement(services.resume)
  resume() {
    return implement(services.resume).handler(({ input }) => this.services.setPaused(input.serviceId, false));
  }

  @Guarded('services.remove')
  @Implement(services.remove)
  remove() {
    return implement(services.remove).handler(({ input }) => this.services.remove(input.serviceId));
  }
}
