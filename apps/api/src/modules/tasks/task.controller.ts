import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import { Guarded } from '../../http/operation.ts';
import { TaskService } from './task.service.ts';

const { tasks } = httpApi;

@Controller('/api/v1')
export class TaskController {
  constructor(@Inject(TaskService) private readonly tasks: TaskService) {}

  @Guarded('tasks.list')
  @Implement(tasks.list)
  list() {
    return implement(tasks.list).handler(({ input }) => this.tasks.list(input));
  }

  @Guarded('tasks.get')
  @Implement(tasks.get)
  get() {
    return implement(tasks.get).handler(({ input }) => this.tasks.get(input.taskId));
  }
}
