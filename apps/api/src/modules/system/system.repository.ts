import { Inject, Injectable } from '@nestjs/common';
import { Database } from '../../persistence/database.ts';

@Injectable()
export class SystemRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async count(): Promise<{ nodes: number; services: number; runningTasks: number }> {
    const { client } = this.database;
    const [nodes, services, runningTasks] = await Promise.all([
      client.node.count(),
      client.service.count(),
      client.task.count({ where: { state: 'running', desiredState: 'running' } }),
    ]);
    return { nodes, services, runningTasks };
  }
}
