import type { Task, TaskListQuery } from '@gantry/contracts/http-api';
import { invalid, notFound } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { taskMapper } from './task.mapper.ts';
import { TaskRepository } from './task.repository.ts';

@Injectable()
export class TaskService {
  constructor(@Inject(TaskRepository) private readonly tasks: TaskRepository) {}

  async list(query: TaskListQuery): Promise<Page<Task>> {
    const rows = await this.tasks.list(query, toPosition(query.cursor), query.limit + 1);
    return toPage(rows, query.limit, (row) => [row.createdAt.toISOString(), row.id], taskMapper());
  }

  async get(id: string): Promise<Task> {
    const row = await this.tasks.find(id);
    if (row === null) throw notFound(`there is no task ${id}`);
    return taskMapper()(row);
  }
}

function toPosition(cursor: string | undefined): { createdAt: Date; id: string } | null {
  const [createdAt, id] = decodeCursor(cursor, 2) ?? [];
  if (createdAt === undefined || id === undefined) return null;
  const date = new Date(createdAt);
  if (Number.isNaN(date.getTime())) throw invalid('cursor is none that a page answered', { field: 'cursor' });
  return { createdAt: date, id };
}
